/*
  doctor: looks at the source and at this machine as a start would, and says of each thing whether it is well,
  why it matters and what to do. Promises to change nothing: what it writes to measure the disk it removes again.
  The checks of the source that every connect makes are source's own, so that both say the same words.
  It must not know: how findings are printed, how a node is built.
*/
export { CHECKS, type DoctorFinding } from './checks.ts'
export { openFilesFinding } from './process-room.ts'
export { type DoctorOptions, runDoctor } from './run-doctor.ts'
