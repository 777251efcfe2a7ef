import { EventKernel } from '../stream/event-kernel.ts'

/** Leaves everything to the TypeScript path, which is the kernel's twin. */
export class IdleKernel extends EventKernel {
  override take(): number {
    return 0
  }
}
