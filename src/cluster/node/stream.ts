import type { PeerLink } from '../link/index.ts'
import type { StreamId } from '../protocol/inputs.ts'
import { Feed, type FeedOptions } from './disk/feed.ts'

/** A link under the name that the protocol has for it. */
export class Stream {
  readonly id: StreamId
  readonly link: PeerLink
  feed: Feed | undefined
  #isPaused = false

  constructor(id: StreamId, link: PeerLink) {
    this.id = id
    this.link = link
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  set isPaused(paused: boolean) {
    if (paused === this.#isPaused) return
    this.#isPaused = paused
    if (paused) this.link.pause()
    else this.link.resume()
  }

  startFeed(options: Omit<FeedOptions, 'link'>, from: number): void {
    this.feed?.end()
    this.feed = new Feed({ ...options, link: this.link })
    this.feed.begin(from, options.news())
  }
}
