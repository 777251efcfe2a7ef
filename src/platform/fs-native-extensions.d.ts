/** The two calls that we use of the library, which ships no types. Locks are the kernel's (OFD locks). */
declare module 'fs-native-extensions' {
  /** false when another open file holds the lock */
  export function tryLock(fd: number): boolean
  export function unlock(fd: number): void
}
