/*
  The URLs of a cluster: `http(s)://HOST:PORT` and nothing behind it. IPv6 hosts stand in brackets.
*/
import { z } from 'zod'
import { type Address, formatAddress, isAnyAddress, isLoopback, parseAddress } from '../address.ts'

export interface NodeUrl extends Address {
  /** https */
  readonly secure: boolean
}

/** A node as `cluster.initial-cluster` has it. */
export interface NamedUrl {
  readonly name: string
  readonly url: NodeUrl
}

const NODE_NAME = /^[\w.-]{1,64}$/

export const nodeNameSchema = z
  .string()
  .regex(NODE_NAME, 'must be 1 to 64 letters, digits, _, - or .')

export function formatUrl(url: NodeUrl): string {
  return `${url.secure ? 'https' : 'http'}://${formatAddress(url)}`
}

/** What is wrong with the text, or its URL; a slash at the end does not count, upper case neither. */
function readUrl(text: string): NodeUrl | string {
  const match = /^(https?):\/\/([^/?#@]+)\/?$/i.exec(text)
  const address = parseAddress(match?.[2]?.toLowerCase() ?? '')
  if (address === undefined || address.port === 0) {
    return `${JSON.stringify(text)} is not https://HOST:PORT`
  }
  if (isAnyAddress(address)) {
    return `${text} is where the others connect, and ${address.host} is no address of a machine: name its host`
  }
  return { ...address, secure: match?.[1]?.toLowerCase() === 'https' }
}

function readPeerUrl(text: string): NodeUrl | string {
  const url = readUrl(text)
  if (typeof url === 'string' || url.secure || isLoopback(url)) return url
  return `${text} can be reached from other machines, which needs TLS: write ${formatUrl({ ...url, secure: true })}`
}

function readHttpsUrl(text: string): NodeUrl | string {
  const url = readUrl(text)
  if (typeof url === 'string' || url.secure) return url
  return `${text} must be https://: etcd is only spoken to with TLS`
}

function urlSchema(read: (text: string) => NodeUrl | string) {
  return z.string().transform((text, context): NodeUrl => {
    const url = read(text.trim())
    if (typeof url !== 'string') return url
    context.addIssue(url)
    return z.NEVER
  })
}

/** `https://`, or `http://` on loopback. */
export const peerUrlSchema = urlSchema(readPeerUrl)

/** Either, on any host. */
export const nodeUrlSchema = urlSchema(readUrl)

export const httpsUrlSchema = urlSchema(readHttpsUrl)

/** `https://host:port,https://host:port` */
export const endpointsSchema = z.string().transform((text, context): readonly NodeUrl[] => {
  const urls = text.split(',').map((part) => readHttpsUrl(part.trim()))
  for (const problem of urls.filter((url) => typeof url === 'string')) context.addIssue(problem)
  return urls.filter((url) => typeof url !== 'string')
})

/** `name=url,name=url`, as the first Kingbus and etcd have it; no name and no URL twice. */
export const initialClusterSchema = z.string().transform((text, context): readonly NamedUrl[] => {
  const nodes: NamedUrl[] = []
  for (const part of text.split(',').map((piece) => piece.trim())) {
    const node = readNamed(part)
    if (typeof node === 'string') context.addIssue(node)
    else nodes.push(node)
  }
  for (const problem of twice(nodes)) context.addIssue(problem)
  return nodes
})

function readNamed(part: string): NamedUrl | string {
  const at = part.indexOf('=')
  const name = part.slice(0, Math.max(at, 0))
  if (!NODE_NAME.test(name)) {
    return `${JSON.stringify(part)} is not NAME=URL, such as one=https://kingbus-1.example:9600`
  }
  const url = readPeerUrl(part.slice(at + 1))
  return typeof url === 'string' ? `${name}: ${url}` : { name, url }
}

function twice(nodes: readonly NamedUrl[]): string[] {
  return nodes.flatMap(({ name, url }, at) => {
    const before = nodes.slice(0, at)
    const text = formatUrl(url)
    return [
      ...(before.some((other) => other.name === name)
        ? [`the name ${name} stands there twice`]
        : []),
      ...(before.some((other) => formatUrl(other.url) === text)
        ? [`the URL ${text} stands there twice`]
        : []),
    ]
  })
}
