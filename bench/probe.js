/**
 * Loaded into every measured server alike (`node --import`): answers, over the channel of the child process, what the
 * process has used so far. The servers themselves know nothing of being measured.
 */
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: (user + system) / 1000, rss: process.memoryUsage.rss() });
});
// The channel alone must not keep a server alive that wants to stop.
process.channel?.unref();
