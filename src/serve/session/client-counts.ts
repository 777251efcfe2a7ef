/** What clients have done to the listener since the start, for the metrics; a log line may be left out. */
export class ClientCounts {
  connections = 0
  /** told 1040, or closed without a word */
  refused = 0
  /** of those: there would have been too few files to open besides */
  refusedForFiles = 0
  /** told 1129, for the refused logins of their host */
  blocked = 0
  /** not let in: wrong passwords, unknown users, without the TLS or the certificate that a user must have */
  loginsRefused = 0
  /** closed for bytes that break the protocol */
  faults = 0
  /** closed because they kept us waiting too long */
  late = 0
}
