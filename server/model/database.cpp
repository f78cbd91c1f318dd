// SPDX-License-Identifier: Apache-2.0
#include "server/model/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tarn::server {
namespace {

Error database_error(sqlite3* database) {
  const int code = sqlite3_errcode(database);
  const ErrorCode meaning = code == SQLITE_FULL                               ? ErrorCode::no_space
                            : code == SQLITE_CONSTRAINT                       ? ErrorCode::conflict
                            : code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? ErrorCode::malformed
                                                                              : ErrorCode::io;
  return {meaning, std::string("control.db: ") + sqlite3_errmsg(database)};
}

}  // namespace

Statement::Statement(sqlite3* database, const std::string& sql) : database_(database) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(database, sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
  statement_.reset(statement);  // null after an error, which step() reports
}

Error Statement::error() const { return database_error(database_); }

Statement& Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), parameter, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int parameter, Bytes blob) {
  sqlite3_bind_blob64(statement_.get(), parameter, blob.data(), blob.size(), SQLITE_TRANSIENT);
  return *this;
}

Result<bool> Statement::step() {
  if (!statement_) return error();
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return error();
  }
}

Status Statement::run() {
  const auto row = step();
  if (!row) return row.error();
  return {};
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Statement::text(int column) const {
  const Bytes bytes = blob(column);
  return std::string(as_text(bytes));
}

Bytes Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Result<Database> Database::open(const std::string& path) {
  // SQLite gives its journal the mode of the file, so this is where the mode of all of them is decided.
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return Error{ErrorCode::io, "cannot open " + path + ": " + std::strerror(errno)};
  close(file);
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
  std::unique_ptr<sqlite3, Close> handle(opened);
  if (code != SQLITE_OK) return Error{ErrorCode::io, "cannot open " + path + ": " + sqlite3_errstr(code)};
  Database database(std::move(handle));
  constexpr int wait_ms = 5000;  // for somebody who is making a backup
  sqlite3_busy_timeout(opened, wait_ms);
  TRY(
      database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                       "PRAGMA trusted_schema=OFF"));
  return database;
}

Status Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return database_error(handle_.get());
}

Result<std::int64_t> Database::number(const std::string& sql) {
  Statement statement = prepare(sql);
  const auto row = statement.step();
  if (!row) return row.error();
  return *row ? statement.number(0) : 0;
}

}  // namespace tarn::server
