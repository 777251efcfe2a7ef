import { status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { CallError, isRefusal } from './call-error.ts'

describe('a write that ended with an error', () => {
  it.each([
    ['etcdserver: request is too large', status.INVALID_ARGUMENT],
    ['etcdserver: requested lease not found', status.NOT_FOUND],
    ['etcdserver: mvcc: database space exceeded', status.RESOURCE_EXHAUSTED],
    ['grpc: received message larger than max (2 vs. 1)', status.RESOURCE_EXHAUSTED],
    ['etcdserver: unhealthy cluster', status.UNAVAILABLE],
  ])('was not applied when etcd says `%s`', (words, code) => {
    expect(isRefusal(new CallError(code, words, 'host:1'))).toBe(true)
  })

  it.each([
    ['etcdserver: request timed out', status.UNAVAILABLE],
    ['etcdserver: leader changed', status.UNAVAILABLE],
    ['No connection established', status.UNAVAILABLE],
    ['Deadline exceeded after 4.0s', status.DEADLINE_EXCEEDED],
    ['Bandwidth exhausted or memory limit exceeded', status.RESOURCE_EXHAUSTED],
    ['Received RST_STREAM with code 2', status.INTERNAL],
    ['etcdserver: something of a later version', status.UNKNOWN],
  ])('may have been applied after `%s`', (words, code) => {
    expect(isRefusal(new CallError(code, words, 'host:1'))).toBe(false)
  })
})
