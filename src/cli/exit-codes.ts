/*
  Exit codes follow sysexits.h, as far as it has a number for what happened. A command that ends by an
  operational error has the code that the error catalogue gives it.
*/
export const ExitCode = {
  OK: 0,
  /** the command itself worked, and what it looked at is not well: a failed source, a doctor's problem */
  NOT_WELL: 1,
  /** the command line was wrong */
  USAGE: 64,
  /** a bug of Kingbus; it recovers from its disk when it is started again */
  BUG: 70,
} as const
