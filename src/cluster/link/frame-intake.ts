import { ProtocolError } from '../../lib/index.ts'
import { decodeFrameHeader, FRAME_HEADER_BYTES, type FrameType, requireIntact } from './frame.ts'
import type { Intake } from './intake.ts'

/** The payload of the next frame, which must be of this type; undefined when the connection ends before. */
export async function takeFrame(intake: Intake, type: FrameType): Promise<Buffer | undefined> {
  const header = await intake.take(FRAME_HEADER_BYTES)
  if (header === undefined) return undefined
  const { type: given, size } = decodeFrameHeader(header)
  if (given !== type) throw new ProtocolError(`a ${given} in the place of a ${type}`)
  const payload = await intake.take(size)
  if (payload !== undefined) requireIntact(header, payload)
  return payload
}
