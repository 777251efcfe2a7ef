/*
  /proc/self/mountinfo, one mount a line:

    36 35 98:0 /root /mount/point rw,noatime shared:1 - ext4 /dev/sda1 rw
                     ^^^^^^^^^^^^                        ^^^^
*/
export interface Mount {
  readonly point: string
  /** `ext4`, `tmpfs`, `nfs4` */
  readonly type: string
}

/** The mount that a folder lies on: the longest that holds it, the last of those mounted over each other. */
export function mountOf(mountInfo: string, folder: string): Mount | undefined {
  let found: Mount | undefined
  for (const line of mountInfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const point = unescaped(left.split(' ')[4] ?? '')
    const type = right.split(' ')[0] ?? ''
    if (point === '' || type === '' || !holds(point, folder)) continue
    if (found === undefined || point.length >= found.point.length) found = { point, type }
  }
  return found
}

function holds(point: string, folder: string): boolean {
  return point === '/' || folder === point || folder.startsWith(`${point}/`)
}

/** Spaces and the like stand as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}
