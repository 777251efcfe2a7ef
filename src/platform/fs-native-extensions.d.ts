/** The two calls that we use of the library, which ships no types. Locks are the kernel's (OFD locks). */
declare module 'fs-native-extensions' {
  /** false when another open file holds the lock; `shared`: one that is not shared itself */
  export function tryLock(fd: number, options?: { shared: boolean }): boolean
  export function unlock(fd: number): void
}
