/** First in, first out. An array's own `shift` moves all that waits, which is felt from some 50,000 on. */
export class Queue<T> {
  #items: T[] = []
  #taken = 0

  get first(): T | undefined {
    return this.#items[this.#taken]
  }

  get last(): T | undefined {
    return this.#taken < this.#items.length ? this.#items.at(-1) : undefined
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Takes the first away. */
  shift(): T | undefined {
    const { first } = this
    if (this.#taken < this.#items.length) this.#taken += 1
    if (this.#taken * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return first
  }

  /** Takes the last away. */
  pop(): T | undefined {
    return this.#taken < this.#items.length ? this.#items.pop() : undefined
  }

  *[Symbol.iterator](): Generator<T> {
    for (let at = this.#taken; at < this.#items.length; at += 1) yield this.#items[at] as T
  }
}
