// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace tarn::server {

// A prepared statement; columns and parameters are counted as SQLite does (0…, 1…). bind() calls may be
// chained; the bytes must live until the next step().
class Statement {
 public:
  Statement(sqlite3* database, const std::string& sql);
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, Bytes blob);

  // True: a row is there. False: done.
  Result<bool> step();
  // For statements without rows.
  Status run();

  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] Bytes blob(int column) const;  // until the next step()

 private:
  [[nodiscard]] Error error() const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One SQLite file in WAL mode with synchronous=FULL: a committed transaction survives a power cut.
// Not thread-safe.
class Database {
 public:
  // Creates the file with mode 0600 when there is none.
  static Result<Database> open(const std::string& path);

  Status execute(const std::string& sql);
  Statement prepare(const std::string& sql) { return {handle_.get(), sql}; }
  Result<std::int64_t> number(const std::string& sql);

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  explicit Database(std::unique_ptr<sqlite3, Close> handle) : handle_(std::move(handle)) {}
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace tarn::server
