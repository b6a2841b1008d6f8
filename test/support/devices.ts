/** What the adapter asks about device codes, where a test is about something else: anybody may guess. */
export const anyDevice = {
  deviceGuesses: { allow: async () => {}, right: async () => {} },
  userCodeHash: (code: string) => code,
};
