// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/result.h"

// SQLite's C interface with owners and Results; nothing more. One thread at a time per Database.
namespace tarn::archive::sqlite {

class Database;

// A prepared statement; made once, run often.
class Statement {
 public:
  Statement() = default;

  // Parameters count from 1. Text and blobs must live until the statement has run.
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, std::uint64_t value) { bind(parameter, static_cast<std::int64_t>(value)); }
  void bind(int parameter, std::uint32_t value) { bind(parameter, static_cast<std::int64_t>(value)); }
  void bind(int parameter, std::string_view text);
  void bind(int parameter, Bytes blob);

  // True: a row is there. False: done, and ready to be bound and run again. An error resets as well.
  Result<bool> step();
  // For statements without rows.
  Status run();

  // Columns of the current row count from 0; bytes are valid until the next step().
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::uint64_t unsigned_integer(int column) const {
    return static_cast<std::uint64_t>(integer(column));
  }
  [[nodiscard]] Bytes blob(int column) const;
  [[nodiscard]] std::string_view text(int column) const { return as_text(blob(column)); }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  Database* database_ = nullptr;
};

class Database {
 public:
  // Opens or creates; ":memory:" lives and dies with the object.
  static Result<std::unique_ptr<Database>> open(const std::string& path);

  Status execute(const char* sql);
  Result<Statement> prepare(const char* sql);
  // The first column of the only row: for pragmas.
  Result<std::int64_t> integer(const char* sql);

  // What the last call said, under the file's name.
  [[nodiscard]] Error error() const;

 private:
  Database() = default;
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
};

// Rolls back unless committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace tarn::archive::sqlite
