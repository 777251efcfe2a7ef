/*
  import: takes the binlog files of a server, from its data directory or from a backup, into an empty data directory.

  Promises: all of it is there at the end or nothing; every event was checked as if the source had sent it, by the same
  code, and went through the journal; memory is bounded whatever the files are. What cannot be taken is refused with the
  file, the position and the remedy. It must not know: the source, who reads the files, commands.
*/
export { chooseFiles } from './choose-files.ts'
export { type CutTail, type ImportReport, importFiles } from './import-files.ts'
