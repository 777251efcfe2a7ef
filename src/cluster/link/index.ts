/*
  link: what goes between two nodes. A link carries the protocol's messages and the records of the log, both ways and
  in order, until it ends; a call is one question and its answer. Whoever is on the other side has proven that it has
  the cluster's secret. Format and proofs: docs/internals/cluster.md.
*/
export { callPeer, dialPeer } from './dial-peer.ts'
export { headerOf } from './header-of.ts'
export { linkAddressOf } from './link-address.ts'
export { type LinkHandlers, LinkListener } from './link-listener.ts'
export type { Carried } from './message-codec.ts'
export type { LinkLimits, LinkOptions, LinkSelf } from './options.ts'
export type { PeerLink } from './peer-link.ts'
export { RECORDS_BYTES_MAX, RECORDS_MOST } from './record-rows.ts'
