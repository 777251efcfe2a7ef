/** The object with some of its methods replaced; the others stay its own. */
export function overlaid<T extends object>(whole: T, part: Partial<T>): T {
  return new Proxy(whole, {
    get(target, name) {
      const own: unknown = Reflect.get(part, name)
      const found = own ?? Reflect.get(target, name, target)
      return typeof found === 'function' && own === undefined ? found.bind(target) : found
    },
  })
}
