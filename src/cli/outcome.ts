/** What a command leaves behind when it returns. */
export interface Outcome {
  exitCode: number
}
