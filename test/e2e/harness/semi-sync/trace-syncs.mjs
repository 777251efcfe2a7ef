/*
  Loaded into a Kingbus process before its own code (NODE_OPTIONS=--import): tells a test at the level of system calls
  what is on the disk and what is sent. Each line of the file SYNC_TRACE begins with the machine's monotonic time in
  nanoseconds:

    TIME synced SIZE PATH    an fdatasync has ended; SIZE is what the file had when it began. Written before whoever
                             waits for it goes on
    TIME cut SIZE PATH       the file is about to be truncated
    TIME sent HEX            an acknowledgement or a dump command, with its header, is about to be given to a socket
*/
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import process from 'node:process'
import workers from 'node:worker_threads'

const { fdatasyncSync, fstatSync, readlinkSync, writeSync } = fs
const trace = fs.openSync(process.env.SYNC_TRACE, 'a')
const PACKETS = new Set([0xef, 0x12, 0x1e])
const PACKET_BYTES_MOST = 700

const note = (what) => writeSync(trace, `${process.hrtime.bigint()} ${what}\n`)
const pathOf = (fd) => readlinkSync(`/proc/self/fd/${fd}`)

fs.fdatasyncSync = (fd) => {
  const { size } = fstatSync(fd)
  fdatasyncSync(fd)
  note(`synced ${size} ${pathOf(fd)}`)
}

// The thread that writes is told as text what it runs, and has modules of its own.
const IN_THREAD = `{
  const fs = require('node:fs')
  const { fdatasyncSync, fstatSync, readlinkSync, writeSync } = fs
  fs.fdatasyncSync = (fd) => {
    const { size } = fstatSync(fd)
    fdatasyncSync(fd)
    const path = readlinkSync('/proc/self/fd/' + fd)
    writeSync(${trace}, process.hrtime.bigint() + ' synced ' + size + ' ' + path + '\\n')
  }
}
`
workers.Worker = class extends workers.Worker {
  constructor(code, options) {
    super(options?.eval === true ? IN_THREAD + code : code, options)
  }
}
syncBuiltinESMExports()

const probe = await fs.promises.open('/dev/null')
const FileHandle = Object.getPrototypeOf(probe)
await probe.close()
const { datasync, truncate } = FileHandle
FileHandle.datasync = async function () {
  const { size } = fstatSync(this.fd)
  const path = pathOf(this.fd)
  await datasync.call(this)
  note(`synced ${size} ${path}`)
}
FileHandle.truncate = async function (size) {
  note(`cut ${size} ${pathOf(this.fd)}`)
  await truncate.call(this, size)
}

const write = Reflect.get(net.Socket.prototype, 'write')
net.Socket.prototype.write = function (bytes, ...more) {
  const isPacket = bytes?.length <= PACKET_BYTES_MOST && bytes[3] === 0 && PACKETS.has(bytes[4])
  if (isPacket) note(`sent ${Buffer.from(bytes).toString('hex')}`)
  return write.call(this, bytes, ...more)
}
