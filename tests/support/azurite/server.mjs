// Azurite's blob service in memory, on a free port of 127.0.0.1, for the accounts that AZURITE_ACCOUNTS names
// (name:key, separated by semicolons). It says its address on stdout, and ends when stdin closes: so it goes with
// whoever started it, however that one ends.

process.argv.push("--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", "0");
process.argv.push("--skipApiVersionCheck", "--disableTelemetry", "--silent");

const end = () => process.exit();
process.stdin.on("end", end).on("close", end).on("error", end).resume();

await import("azurite/dist/src/blob/main.js");
