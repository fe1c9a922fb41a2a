export function Editor(_: {id: string}) {
  return null;
}
