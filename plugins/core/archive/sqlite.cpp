// SPDX-License-Identifier: Apache-2.0
#include "core/archive/sqlite.h"

#include <utility>

namespace tarn::archive::sqlite {
namespace {

ErrorCode code_of(int result) {
  switch (result & 0xFF) {
    case SQLITE_FULL:
      return ErrorCode::no_space;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return ErrorCode::malformed;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::conflict;
    case SQLITE_MISUSE:
    case SQLITE_INTERNAL:
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
      return ErrorCode::internal;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

void Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
}

void Statement::bind(int parameter, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), parameter, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void Statement::bind(int parameter, Bytes blob) {
  // An empty blob needs an address, else it is NULL.
  const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
  sqlite3_bind_blob64(statement_.get(), parameter, data, blob.size(), SQLITE_STATIC);
}

Result<bool> Statement::step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  Error error = database_->error();
  sqlite3_reset(statement_.get());
  return error;
}

Status Statement::run() {
  while (TRY(step())) {
  }
  return {};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

Bytes Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)};
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  std::unique_ptr<Database> database{new Database};
  database->path_ = path;
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  database->handle_.reset(handle);
  if (result != SQLITE_OK) return database->error();
  sqlite3_busy_timeout(handle, 5'000);
  return database;
}

Status Database::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error();
  return {};
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* prepared = nullptr;
  const int result =
      sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (result != SQLITE_OK) return error();
  Statement statement;
  statement.statement_.reset(prepared);
  statement.database_ = this;
  return statement;
}

Result<std::int64_t> Database::integer(const char* sql) {
  Statement statement = TRY(prepare(sql));
  if (!TRY(statement.step())) return Error{ErrorCode::internal, path_ + ": no row for " + sql};
  return statement.integer(0);
}

Error Database::error() const {
  if (handle_ == nullptr) return {ErrorCode::io, path_ + ": out of memory"};
  return {code_of(sqlite3_extended_errcode(handle_.get())), path_ + ": " + sqlite3_errmsg(handle_.get())};
}

Result<Transaction> Transaction::begin(Database& database) {
  TRY(database.execute("BEGIN IMMEDIATE"));
  return Transaction{database};
}

Status Transaction::commit() {
  TRY(database_->execute("COMMIT"));
  database_ = nullptr;
  return {};
}

Transaction::~Transaction() {
  if (database_ != nullptr) (void)database_->execute("ROLLBACK");
}

}  // namespace tarn::archive::sqlite
