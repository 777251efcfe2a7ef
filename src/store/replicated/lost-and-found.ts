/*
  `lost+found/` beside the files: what a log had and its leader's does not share, for whoever wants to look. It is
  nobody's record any more; the oldest of it goes when there is too much.
*/
import type { Disk, DiskFile } from '../../platform/index.ts'

const BYTES_MAX = 256 * 1024 * 1024
const FILES_MAX = 16
const COPY_BYTES = 1024 * 1024

export interface LostPart {
  readonly name: string
  readonly file: DiskFile
  readonly from: number
  readonly to: number
}

/** Keeps bytes [from, to) of a file, or the first of them. */
export async function keepAside(disk: Disk, folder: string, part: LostPart): Promise<void> {
  const { name, file, from } = part
  const to = Math.min(part.to, from + BYTES_MAX)
  if (to <= from) return
  const place = `${folder}/lost+found`
  await disk.makeFolder(place)
  const found = await disk.list(place)
  const number = 1 + Math.max(0, ...found.map((one) => Number.parseInt(one, 10) || 0))
  await makeRoom(disk, place, to - from)
  const path = `${place}/${String(number).padStart(9, '0')}-${name}-${from}`
  const copy = await disk.open(path, 'create')
  try {
    const buffer = Buffer.allocUnsafe(COPY_BYTES)
    for (let at = from; at < to; ) {
      const read = file.read(buffer.subarray(0, Math.min(COPY_BYTES, to - at)), at)
      if (read === 0) break
      await copy.write(buffer.subarray(0, read), at - from)
      at += read
    }
    await copy.sync()
  } finally {
    await copy.close()
  }
  await disk.syncFolder(place)
}

async function makeRoom(disk: Disk, place: string, size: number): Promise<void> {
  const names = (await disk.list(place)).sort()
  let kept = 0
  let count = 0
  for (const name of names.reverse()) {
    const path = `${place}/${name}`
    kept += (await disk.attributes(path))?.size ?? 0
    count += 1
    if (kept + size > BYTES_MAX || count >= FILES_MAX) await disk.remove(path)
  }
}
