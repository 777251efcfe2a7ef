import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { atExit } from '../child.ts'

/**
 * Machines of their own as far as the network can tell: a namespace each, joined by a bridge in a further one. They
 * know each other by name. Needs root (CAP_NET_ADMIN).
 */
export class HostNetwork {
  readonly #prefix = `kb${process.pid % 60_000}`
  readonly #hosts: readonly string[]

  constructor(hosts: readonly string[]) {
    this.#hosts = hosts
    const bridge = this.#addNamespace('switch')
    ip('-n', bridge, 'link', 'add', 'bridge', 'type', 'bridge')
    ip('-n', bridge, 'link', 'set', 'bridge', 'up')
    const names = hosts.map((host, index) => `${addressOf(index)} ${host}\n`).join('')
    for (const [index, host] of hosts.entries()) {
      const namespace = this.#addNamespace(host)
      const cable = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]
      ip('-n', bridge, 'link', 'add', host, ...cable)
      ip('-n', bridge, 'link', 'set', host, 'master', 'bridge', 'up')
      ip('-n', namespace, 'address', 'add', `${addressOf(index)}/24`, 'dev', 'eth0')
      ip('-n', namespace, 'link', 'set', 'eth0', 'up')
      // `ip netns exec` lays what is in this folder over that of /etc.
      const folder = `/etc/netns/${namespace}`
      mkdirSync(folder, { recursive: true })
      atExit(() => rmSync(folder, { recursive: true, force: true }))
      writeFileSync(`${folder}/hosts`, `127.0.0.1 localhost\n${names}`)
    }
  }

  namespaceOf(host: string): string {
    if (!this.#hosts.includes(host)) throw new Error(`there is no host ${host}`)
    return `${this.#prefix}-${host}`
  }

  /** At the bridge, so that the host itself goes on with all its addresses. */
  pullCable(host: string): void {
    ip('-n', `${this.#prefix}-switch`, 'link', 'set', host, 'down')
  }

  plugIn(host: string): void {
    ip('-n', `${this.#prefix}-switch`, 'link', 'set', host, 'up')
  }

  #addNamespace(name: string): string {
    const namespace = `${this.#prefix}-${name}`
    ip('netns', 'add', namespace)
    atExit(() => ip('netns', 'delete', namespace))
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    return namespace
  }
}

function addressOf(index: number): string {
  return `10.214.0.${index + 11}`
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}
