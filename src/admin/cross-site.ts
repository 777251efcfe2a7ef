/*
  A web page that somebody looks at on this machine can send requests to loopback too, and its browser shows no token
  and asks nobody. Browsers say where a request comes from, in headers that no page can set; programs say nothing.

    Sec-Fetch-Site  same-origin: our own page; none: typed by the user; anything else: another page
    Origin          the page's own, sent with whatever may change something; older browsers have only this one
    Host            the name by which the page knows us: a foreign name that was made to lead here (DNS rebinding)
                    passes for our own page otherwise, and may read the answers too
*/
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { OperationalError } from '../lib/index.ts'
import { isProbe } from './auth.ts'

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const OWN_SITES: ReadonlySet<unknown> = new Set([undefined, 'same-origin', 'none'])
/** As URL writes it. No name server has a say in these. */
const FIXED_HOST = /^(localhost|\d+\.\d+\.\d+\.\d+|\[.*\])$/

/**
 * Nothing is changed for a page of another site, and without a token nothing is told where the host is a name that
 * somebody else could let lead here.
 */
export function refuseCrossSite(app: FastifyInstance, token: string | undefined): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (!READING.has(request.method)) refuseForeignPage(request)
    if (token === undefined && !isProbe(request)) refuseForeignName(request)
    done()
  })
}

function refuseForeignPage({ headers, method, url }: FastifyRequest): void {
  const { origin, host } = headers
  const site = headers['sec-fetch-site']
  const isOwn = origin === undefined || urlOf(origin)?.host === urlOf(`http://${host}`)?.host
  if (isOwn && OWN_SITES.has(site)) return
  const from = origin === undefined ? `Sec-Fetch-Site: ${String(site)}` : `Origin: ${origin}`
  throw new OperationalError(
    'E_ADMIN_REFUSED',
    `${method} ${url} comes from a web page of another site (${from}), which may change nothing here: ` +
      'send it by the command line, or by a program that is no browser',
  )
}

/** Who sends no Host is no browser. */
function refuseForeignName({ headers: { host } }: FastifyRequest): void {
  if (host === undefined || FIXED_HOST.test(urlOf(`http://${host}`)?.hostname ?? '')) return
  throw new OperationalError(
    'E_ADMIN_REFUSED',
    `the request is for the host ${host}, and without a token this node answers only to an address or localhost: ` +
      'ask it by one of these, or set admin.token-file',
  )
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
