import type { Message, ProtocolNode, RecordHeader } from '../../src/cluster/index.ts'
import type { Stream } from './network.ts'
import type { SimulatedNode } from './node.ts'
import type { SimulatedStore } from './simulated-store.ts'
import type { World } from './world.ts'

/** Faults in what stands around the protocol. */
export interface Sabotage {
  readonly comparesNothing?: boolean
  readonly keepsStoreId?: boolean
  readonly afterStart?: (node: SimulatedNode, core: ProtocolNode, world: World) => void
  readonly afterDeath?: (node: SimulatedNode) => void
  readonly beforeAppend?: (store: SimulatedStore, header: RecordHeader) => void
  readonly boundaryAt?: (store: SimulatedStore, sequence: number) => number
  /** a message of a stream whose end here is closed */
  readonly lateMessage?: (world: World, stream: Stream, message: Message) => void
}

/** Methods of the protocol's classes replaced by wrong ones, as long as one world runs. */
export interface Planted {
  readonly methods?: readonly Replacement[]
  readonly sabotage?: Sabotage
}

export interface Replacement {
  readonly prototype: object
  readonly name: string
  readonly descriptor: PropertyDescriptor
}

/** What replaces methods and getters of a class: same names, same types. */
export function replace<T extends object>(
  { prototype }: { readonly prototype: T },
  wrong: Partial<T> & ThisType<T>,
): readonly Replacement[] {
  return Object.entries(Object.getOwnPropertyDescriptors(wrong)).map(([name, descriptor]) => ({
    prototype,
    name,
    descriptor,
  }))
}

/** The method as it is before anything is replaced; to be used with `call`. */
export function original<T extends object, K extends keyof T>(
  { prototype }: { readonly prototype: T },
  name: K,
): T[K] {
  return prototype[name]
}

/** Replaces methods until the function that it returns is called. */
export function plant(methods: readonly Replacement[] = []): () => void {
  const replaced = methods.map(({ prototype, name, descriptor }) => {
    const before = Object.getOwnPropertyDescriptor(prototype, name)
    if (before === undefined) throw new Error(`nothing to replace: ${name}`)
    Object.defineProperty(prototype, name, { ...descriptor, configurable: true })
    return { prototype, name, before }
  })
  return () => {
    for (const { prototype, name, before } of replaced.reverse()) {
      Object.defineProperty(prototype, name, before)
    }
  }
}
