/*
  The command line's way to a running node.
*/

import { z } from 'zod'
import { ADMIN_ANSWER_WAIT_MS, SWITCH_MS_MOST } from '../config/index.ts'
import { messageOf, OperationalError } from '../lib/index.ts'
import {
  type ClusterStatus,
  clusterSchema,
  type MemberStatus,
  memberSchema,
} from './cluster-schemas.ts'
import { type PurgeResult, type purgeRequestSchema, purgeSchema } from './purge-schemas.ts'
import { type RepairStatus, type RepairWish, repairSchema } from './repair-schemas.ts'
import {
  type AbsentReplica,
  absentReplicaSchema,
  errorSchema,
  type FileStatus,
  fileSchema,
  type ReplicaStatus,
  replicaSchema,
  type SourceStatus,
  type Status,
  type sourceChangeSchema,
  sourceSchema,
  statusSchema,
} from './schemas.ts'
import {
  type NewUser,
  type RetentionChange,
  type RetentionStatus,
  retentionSchema,
  type UserStatus,
  userSchema,
} from './settings-schemas.ts'
import { type SwitchResult, type switchRequestSchema, switchSchema } from './switch-schemas.ts'

export interface AdminClientOptions {
  /** `http://127.0.0.1:9595` */
  readonly url: string
  readonly token: string | undefined
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

interface Question {
  readonly method: Method
  readonly path: string
  readonly body?: object
  /** an answer that takes longer is given up, in milliseconds; ADMIN_ANSWER_WAIT_MS where left out */
  readonly waitMs?: number
}

const USERS = '/api/v1/users'
const ABSENT = '/api/v1/replicas/absent'
const MEMBERS = '/api/v1/members'
const memberPath = (name: string): string => `${MEMBERS}/${encodeURIComponent(name)}`

/** Every method throws OperationalError E_ADMIN_UNREACHABLE or E_ADMIN_REFUSED. */
export class AdminClient {
  readonly #options: AdminClientOptions

  constructor(options: AdminClientOptions) {
    this.#options = options
  }

  get url(): string {
    return this.#options.url
  }

  status(): Promise<Status> {
    return this.#ask({ method: 'GET', path: '/api/v1/status' }, statusSchema)
  }

  files(): Promise<FileStatus[]> {
    return this.#ask({ method: 'GET', path: '/api/v1/files' }, z.array(fileSchema))
  }

  replicas(): Promise<ReplicaStatus[]> {
    return this.#ask({ method: 'GET', path: '/api/v1/replicas' }, z.array(replicaSchema))
  }

  absentReplicas(): Promise<AbsentReplica[]> {
    return this.#ask({ method: 'GET', path: ABSENT }, z.array(absentReplicaSchema))
  }

  /** @param name its uuid or host */
  forgetReplica(name: string): Promise<AbsentReplica[]> {
    const path = `${ABSENT}/${encodeURIComponent(name)}`
    return this.#ask({ method: 'DELETE', path }, z.array(absentReplicaSchema))
  }

  purge(request: z.input<typeof purgeRequestSchema>): Promise<PurgeResult> {
    const question = { method: 'POST', path: '/api/v1/purge', body: request } as const
    return this.#ask(question, purgeSchema)
  }

  source(): Promise<SourceStatus> {
    return this.#ask({ method: 'GET', path: '/api/v1/source' }, sourceSchema)
  }

  setSource(change: z.input<typeof sourceChangeSchema>): Promise<SourceStatus> {
    return this.#ask({ method: 'PUT', path: '/api/v1/source', body: change }, sourceSchema)
  }

  startSource(): Promise<SourceStatus> {
    return this.#ask({ method: 'POST', path: '/api/v1/source/start' }, sourceSchema)
  }

  stopSource(): Promise<SourceStatus> {
    return this.#ask({ method: 'POST', path: '/api/v1/source/stop' }, sourceSchema)
  }

  switchSource(body: z.input<typeof switchRequestSchema>): Promise<SwitchResult> {
    const waitMs = SWITCH_MS_MOST + ADMIN_ANSWER_WAIT_MS
    return this.#ask({ method: 'POST', path: '/api/v1/source/switch', body, waitMs }, switchSchema)
  }

  retention(): Promise<RetentionStatus> {
    return this.#ask({ method: 'GET', path: '/api/v1/retention' }, retentionSchema)
  }

  setRetention(change: RetentionChange): Promise<RetentionStatus> {
    const question = { method: 'PUT', path: '/api/v1/retention', body: change } as const
    return this.#ask(question, retentionSchema)
  }

  users(): Promise<UserStatus[]> {
    return this.#ask({ method: 'GET', path: USERS }, z.array(userSchema))
  }

  addUser(user: NewUser): Promise<UserStatus[]> {
    return this.#ask({ method: 'POST', path: USERS, body: user }, z.array(userSchema))
  }

  removeUser(name: string): Promise<UserStatus[]> {
    const path = `${USERS}/${encodeURIComponent(name)}`
    return this.#ask({ method: 'DELETE', path }, z.array(userSchema))
  }

  repair(): Promise<RepairStatus> {
    return this.#ask({ method: 'GET', path: '/api/v1/repair' }, repairSchema)
  }

  startRepair(body: RepairWish): Promise<RepairStatus> {
    return this.#ask({ method: 'POST', path: '/api/v1/repair', body }, repairSchema)
  }

  cluster(): Promise<ClusterStatus> {
    return this.#ask({ method: 'GET', path: '/api/v1/cluster' }, clusterSchema)
  }

  members(): Promise<MemberStatus[]> {
    return this.#askMembers({ method: 'GET', path: MEMBERS })
  }

  /** @param observer whether it is without a vote */
  addMember(name: string, peerUrl: string, observer: boolean): Promise<MemberStatus[]> {
    const body = { name, peerUrl, observer }
    return this.#askMembers({ method: 'POST', path: MEMBERS, body })
  }

  updateMember(name: string, peerUrl: string): Promise<MemberStatus[]> {
    return this.#askMembers({ method: 'PUT', path: memberPath(name), body: { peerUrl } })
  }

  removeMember(name: string): Promise<MemberStatus[]> {
    return this.#askMembers({ method: 'DELETE', path: memberPath(name) })
  }

  /** Resolves when that node leads. */
  leadMember(name: string): Promise<MemberStatus[]> {
    return this.#askMembers({ method: 'POST', path: `${memberPath(name)}/lead` })
  }

  #askMembers(question: Question): Promise<MemberStatus[]> {
    return this.#ask(question, z.array(memberSchema))
  }

  async #ask<T>(question: Question, schema: z.ZodType<T>): Promise<T> {
    const { path } = question
    const response = await this.#send(question)
    const body: unknown = await response.json().catch(() => undefined)
    if (!response.ok) throw this.#refused(response.status, body)
    const read = schema.safeParse(body)
    if (read.success) return read.data
    throw this.#unreachable(`it answers ${path} with something that is no answer of Kingbus`)
  }

  async #send({ method, path, body, waitMs = ADMIN_ANSWER_WAIT_MS }: Question): Promise<Response> {
    const { url, token } = this.#options
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const payload = body === undefined ? {} : { body: JSON.stringify(body) }
    const signal = AbortSignal.timeout(waitMs)
    try {
      return await fetch(new URL(path, url), { method, headers, signal, ...payload })
    } catch (cause) {
      throw this.#unreachable(reasonOf(cause), cause)
    }
  }

  #refused(status: number, body: unknown): OperationalError {
    const read = errorSchema.safeParse(body)
    const reason = read.success ? read.data.message : `HTTP status ${status}`
    const hint = status === 401 ? ' (give the file that holds it: --admin-token-file FILE)' : ''
    const message = `the node at ${this.#options.url} refuses: ${reason}${hint}`
    return new OperationalError('E_ADMIN_REFUSED', message, { status })
  }

  #unreachable(reason: string, cause?: unknown): OperationalError {
    const message =
      `no node answers at ${this.#options.url}: ${reason}; ` +
      'is it running, and is --admin URL (or KINGBUS_ADMIN) its admin.listen?'
    return new OperationalError('E_ADMIN_UNREACHABLE', message, {}, { cause })
  }
}

/** fetch hides the system's error behind `fetch failed`. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return messageOf(thrown)
  const { cause } = thrown
  if (cause instanceof AggregateError) return messageOf(cause.errors[0])
  return messageOf(cause ?? thrown)
}
