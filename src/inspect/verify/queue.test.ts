import { expect, test } from 'vitest'
import { Queue } from './queue.ts'

test('a queue gives back what it was given, in that order, from both ends', () => {
  const queue = new Queue<number>()
  expect([queue.first, queue.last, queue.shift(), queue.pop()]).toEqual(Array(4).fill(undefined))
  for (let item = 0; item < 100; item += 1) queue.push(item)
  expect(queue.shift()).toBe(0)
  expect(queue.pop()).toBe(99)
  for (let item = 1; item < 60; item += 1) expect(queue.shift()).toBe(item)
  queue.push(200)
  expect([queue.first, queue.last]).toEqual([60, 200])
  expect([...queue]).toEqual([...Array.from({ length: 39 }, (_, at) => 60 + at), 200])
  while (queue.shift() !== undefined);
  expect([queue.first, queue.last, queue.pop()]).toEqual([undefined, undefined, undefined])
})

test('a million wait without being moved at each step', () => {
  const queue = new Queue<number>()
  for (let item = 0; item < 1_000_000; item += 1) queue.push(item)
  const begun = process.cpuUsage()
  for (let item = 0; item < 1_000_000; item += 1) queue.shift()
  // An array's own `shift` takes minutes for it.
  expect(process.cpuUsage(begun).user).toBeLessThan(5_000_000)
})
