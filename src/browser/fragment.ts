/** A link to a pass carries it behind the `#`, which no browser sends: here it is filled in, and taken out of the address. */
export function fillFromFragment(): void {
  const code = document.querySelector<HTMLInputElement>("input#code");
  const name = document.querySelector<HTMLInputElement>("input#username");
  const [username, pass] = location.hash.slice(1).split("/").map(decode);
  if (!code || !username) return;
  // The page for a mailed code knows whose it is.
  if (!name) code.value = username;
  else if (pass) [name.value, code.value] = [username, pass];
  else return;
  history.replaceState(null, "", location.pathname + location.search);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
