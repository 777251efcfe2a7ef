import { execFileSync } from 'node:child_process'
import { atExit } from '../child.ts'
import { nftProgram } from '../project.ts'
import type { Place } from './place.ts'

/** A TCP port, or a range of them. */
export type Ports = string

/** What is dropped where it arrives: packets of a host, of all protocols or to these TCP ports only. */
interface Drop {
  readonly from: string
  readonly ports: Ports | undefined
}

/** Connections to a host's port that go by way of another place. */
interface Detour {
  readonly to: string
  readonly port: Ports
  readonly by: { readonly address: string; readonly port: number }
}

/**
 * Machines of their own as far as the network can tell: namespaces with an address each, joined by a bridge to which
 * this process is joined too. Needs root, `ip` and `nft`; no kernel module that is not there with those.
 */
export class BridgedNetwork {
  /** of this process, as the machines see it */
  readonly ourAddress: string
  readonly #prefix: string
  readonly #subnet: string
  #count = 0

  /** Why there can be no such network here; undefined when there can. */
  static obstacle(): string | undefined {
    const name = `kingbus-try-${process.pid}`
    try {
      run('ip', ['netns', 'add', name])
    } catch {
      return 'not root, or no `ip`'
    }
    try {
      run('ip', ['netns', 'exec', name, nftProgram(), 'list', 'ruleset'])
      return undefined
    } catch {
      return '`nft` does not run (scripts/get-nftables)'
    } finally {
      run('ip', ['netns', 'delete', name])
    }
  }

  constructor() {
    const number = process.pid % 60_000
    this.#prefix = `kb${number}`
    this.#subnet = `10.214.${number % 250}`
    this.ourAddress = `${this.#subnet}.254`
    run('ip', ['link', 'add', this.#prefix, 'type', 'bridge'])
    atExit(() => run('ip', ['link', 'delete', this.#prefix]))
    run('ip', ['address', 'add', `${this.ourAddress}/24`, 'dev', this.#prefix])
    run('ip', ['link', 'set', this.#prefix, 'up'])
  }

  addHost(name: string): NetworkHost {
    this.#count += 1
    const place = {
      namespace: `${this.#prefix}-${name}`,
      address: `${this.#subnet}.${this.#count}`,
    }
    const cable = `${this.#prefix}v${this.#count}`
    const { namespace } = place
    const inside = ['netns', 'exec', namespace, 'ip']
    run('ip', ['netns', 'add', namespace])
    atExit(() => run('ip', ['netns', 'delete', namespace]))
    run('ip', ['link', 'add', cable, 'type', 'veth', 'peer', 'name', 'far', 'netns', namespace])
    run('ip', ['link', 'set', cable, 'master', this.#prefix, 'up'])
    run('ip', [...inside, 'address', 'add', `${place.address}/24`, 'dev', 'far'])
    run('ip', [...inside, 'link', 'set', 'far', 'up'])
    run('ip', [...inside, 'link', 'set', 'lo', 'up'])
    return new NetworkHost(name, place)
  }
}

/** One of these machines, and what is wrong with its network. */
export class NetworkHost {
  readonly name: string
  readonly place: Place
  readonly #drops = new Set<Drop>()
  readonly #detours = new Set<Detour>()
  #lossPercent = 0
  /** TCP ports of its loopback that our process reaches from outside */
  readonly #opened: number[] = []

  constructor(name: string, place: Place) {
    this.name = name
    this.place = place
    this.#apply()
  }

  get address(): string {
    return this.place.address
  }

  /** Lets everybody reach what listens on this port of its loopback. */
  openLoopback(port: number): void {
    this.#opened.push(port)
    run('ip', this.#inside('sysctl', '-q', 'net.ipv4.conf.all.route_localnet=1'))
    this.#apply()
  }

  /** Nothing arrives from that host any more (at these ports); it is not told. @returns what ends it */
  drop(from: NetworkHost, ports?: Ports): () => void {
    const drop = { from: from.address, ports }
    this.#drops.add(drop)
    this.#apply()
    return () => {
      this.#drops.delete(drop)
      this.#apply()
    }
  }

  /** What it connects to there goes by way of another address; what is connected breaks. @returns what ends it */
  detour(to: NetworkHost, port: Ports, by: Detour['by']): () => void {
    const detour = { to: to.address, port, by }
    this.#detours.add(detour)
    this.#apply()
    return () => {
      this.#detours.delete(detour)
      this.#apply()
    }
  }

  /** So many of a hundred packets of other hosts get lost. */
  lose(percent: number): void {
    this.#lossPercent = percent
    this.#apply()
  }

  /** Everything that runs here, whoever started it. */
  processes(): number[] {
    const text = run('ip', ['netns', 'pids', this.place.namespace])
    return text.split('\n').filter(Boolean).map(Number)
  }

  #inside(...command: readonly string[]): string[] {
    return ['netns', 'exec', this.place.namespace, ...command]
  }

  #apply(): void {
    const drops = [...this.#drops].map(({ from, ports }) => {
      if (ports === undefined) return `ip saddr ${from} drop`
      // The answers of a server have the port at the other end.
      return `ip saddr ${from} tcp dport ${ports} drop\n  ip saddr ${from} tcp sport ${ports} drop`
    })
    const loss =
      this.#lossPercent === 0 ? [] : [`numgen random mod 100 < ${this.#lossPercent} drop`]
    const opened = this.#opened.map((port) => `tcp dport ${port} dnat to 127.0.0.1:${port}`)
    const detours = [...this.#detours]
    const broken = detours.map(
      ({ to, port }) => `ip daddr ${to} tcp dport ${port} reject with tcp reset`,
    )
    const led = detours.map(
      ({ to, port, by }) => `ip daddr ${to} tcp dport ${port} dnat to ${by.address}:${by.port}`,
    )
    const rules = `
table ip kingbus
delete table ip kingbus
table ip kingbus {
 chain arriving {
  type filter hook input priority 0; policy accept;
  iifname "lo" accept
  ip saddr ${this.place.address.replace(/\d+$/, '254')} accept
  ${[...drops, ...loss].join('\n  ')}
 }
 chain opened {
  type nat hook prerouting priority -100; policy accept;
  ${opened.join('\n  ')}
 }
 chain detours {
  type nat hook output priority -100; policy accept;
  ${led.join('\n  ')}
 }
 chain broken {
  type filter hook output priority 0; policy accept;
  ${broken.join('\n  ')}
 }
}
`
    run('ip', this.#inside(nftProgram(), '-f', '-'), rules)
  }
}

function run(program: string, args: readonly string[], input = ''): string {
  return execFileSync(program, args, { stdio: 'pipe', input, encoding: 'utf8' })
}
