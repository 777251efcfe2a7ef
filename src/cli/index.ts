/*
  cli: the commands of `bin/kingbus`. They read flags and configuration, call what does the work (a running
  node over HTTP, or the configuration and users file directly), and print tables for people or JSON for
  scripts. Nothing imports this folder; `main.ts` is what bin/kingbus runs.
*/
export { run } from './run.ts'
