export function Account(_: {id: string}) {
  return null;
}
