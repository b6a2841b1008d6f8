/** Loaded into a program by `NODE_OPTIONS=--require`: a signal makes it ill, as a fault of its own would. */
process.on("SIGUSR2", () => {
  for (;;);
});
process.on("SIGALRM", () => {
  const eaten = [];
  for (;;) eaten.push(new Array(100_000).fill(eaten.length));
});
