import { execFileSync } from 'node:child_process'
import { atExit } from './child.ts'

/**
 * A machine of its own as far as the network can tell: a namespace joined to ours by one cable,
 * which can be pulled so that the peer vanishes without a word. Needs root (CAP_NET_ADMIN).
 */
export class NetworkNamespace {
  readonly name: string
  /** our end of the cable */
  readonly ourAddress: string
  readonly #cable: string

  /** Tried once with a namespace that is removed again. */
  static isPossible(): boolean {
    const name = `kingbus-try-${process.pid}`
    try {
      execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' })
      execFileSync('ip', ['netns', 'delete', name], { stdio: 'pipe' })
      return true
    } catch {
      return false
    }
  }

  constructor() {
    const number = process.pid % 60_000
    this.name = `kingbus-${number}`
    this.#cable = `kb${number}`
    const subnet = `10.213.${number % 250}`
    this.ourAddress = `${subnet}.1`
    const there = ['netns', 'exec', this.name, 'ip']
    this.#ip('netns', 'add', this.name)
    atExit(() => this.#ip('netns', 'delete', this.name))
    this.#ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', 'far', 'netns', this.name)
    this.#ip('address', 'add', `${this.ourAddress}/24`, 'dev', this.#cable)
    this.#ip('link', 'set', this.#cable, 'up')
    this.#ip(...there, 'address', 'add', `${subnet}.2/24`, 'dev', 'far')
    this.#ip(...there, 'link', 'set', 'far', 'up')
    this.#ip(...there, 'link', 'set', 'lo', 'up')
  }

  /** Neither side is told: packets just stop. */
  pullCable(): void {
    this.#ip('netns', 'exec', this.name, 'ip', 'link', 'set', 'far', 'down')
  }

  #ip(...args: readonly string[]): void {
    execFileSync('ip', args, { stdio: 'pipe' })
  }
}
