/*
  daemon: the composition root. Builds the parts of a node, hands each what it needs, runs them until SIGTERM or
  SIGINT, and ends them in order within a named time. Promises that a bug in any part ends the process with 70.
  The only folder but cli that knows all the others.
*/
export { type DaemonOptions, runDaemon } from './run.ts'
export { VERSION } from './version.ts'
