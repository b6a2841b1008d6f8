/** The users table of an app that has had passwords for years. */
import { randomBytes, scryptSync, timingSafeEqual } from "node:crypto";
import sqlite from "node-sqlite3-wasm";

const db = new sqlite.Database(process.env.USERS ?? "users.db");
process.once("exit", () => db.close());

db.exec(
  "CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, login TEXT UNIQUE, name TEXT, email TEXT, password TEXT)",
);
if (!db.get("SELECT id FROM users")) {
  const insert = "INSERT INTO users VALUES (?, ?, ?, ?, ?)";
  db.run(insert, ["1001", "jane", "Jane Doe", "jane@example.com", hash("correct horse")]);
  db.run(insert, ["1002", "john", "John Roe", "john@example.com", hash("battery staple")]);
}

function hash(password, salt = randomBytes(16)) {
  return `${salt.toString("hex")}:${scryptSync(password, salt, 32).toString("hex")}`;
}

export async function find(id) {
  const user = db.get("SELECT * FROM users WHERE id = ?", id);
  return user && { accountId: id, claims: () => ({ sub: id, name: user.name, email: user.email }) };
}

export async function findByLogin(text) {
  return db.get("SELECT id FROM users WHERE login = ?1 OR email = ?1", text.toLowerCase())?.id;
}

export async function verifyPassword(id, password) {
  const stored = db.get("SELECT password FROM users WHERE id = ?", id)?.password;
  if (!stored) return false;
  const [salt, right] = stored.split(":").map((hex) => Buffer.from(hex, "hex"));
  return timingSafeEqual(scryptSync(password, salt, 32), right);
}

export async function dropPassword(id) {
  db.run("UPDATE users SET password = NULL WHERE id = ?", id);
}

export async function countPasswords() {
  return db.get("SELECT count(*) AS n FROM users WHERE password IS NOT NULL").n;
}
