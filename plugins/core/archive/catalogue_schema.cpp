// SPDX-License-Identifier: Apache-2.0
#include "core/archive/catalogue_schema.h"

#include "core/archive/records.h"

namespace tarn::archive {
namespace {

using sqlite::Database;
using sqlite::Statement;

// docs/formats/archive.md explains the tables.
constexpr char schema[] = R"sql(
CREATE TABLE state(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE edge(track INTEGER PRIMARY KEY, time INTEGER NOT NULL);
CREATE TABLE init(track INTEGER, config INTEGER, bytes BLOB NOT NULL, PRIMARY KEY(track, config)) WITHOUT ROWID;
CREATE TABLE stretch(id INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE slot(number INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE late(slot INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE anchor(
  slot INTEGER PRIMARY KEY, stretch INTEGER NOT NULL, time INTEGER NOT NULL, utc INTEGER NOT NULL);
CREATE TABLE endpoint(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, removed INTEGER NOT NULL,
  channel_segment_duration INTEGER NOT NULL, last_generation INTEGER NOT NULL,
  next_number INTEGER NOT NULL, next_slot INTEGER NOT NULL,
  stretch INTEGER NOT NULL DEFAULT 0, discontinuity_sequence INTEGER NOT NULL DEFAULT 0);
CREATE TABLE generation(
  endpoint INTEGER, number INTEGER, from_slot INTEGER NOT NULL,
  segment_duration INTEGER NOT NULL, target_duration INTEGER NOT NULL,
  start INTEGER NOT NULL DEFAULT 0, key_period INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(endpoint, number)) WITHOUT ROWID;
CREATE TABLE cut(
  endpoint INTEGER, number INTEGER, first_slot INTEGER NOT NULL, slot_count INTEGER NOT NULL,
  stretch INTEGER NOT NULL, generation INTEGER NOT NULL, recorded INTEGER NOT NULL,
  discontinuity INTEGER NOT NULL DEFAULT 0, discontinuity_sequence INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(endpoint, number)) WITHOUT ROWID;
PRAGMA user_version = 6;
)sql";

// Until then a hole stayed one, and nothing dated a stretch but its start.
constexpr char tables_of_version_4[] = R"sql(
CREATE TABLE late(slot INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE anchor(
  slot INTEGER PRIMARY KEY, stretch INTEGER NOT NULL, time INTEGER NOT NULL, utc INTEGER NOT NULL);
)sql";

// Until then an endpoint's keys never changed.
constexpr char column_of_version_5[] = R"sql(
ALTER TABLE generation ADD COLUMN key_period INTEGER NOT NULL DEFAULT 0;
)sql";

// Of every version, the first one too. Until then bitrates were measured over the newest cuts alone; what is
// kept is taken in when it is opened.
constexpr char table_of_version_6[] = R"sql(
CREATE TABLE rate(
  endpoint INTEGER, stretch INTEGER, track INTEGER, through INTEGER NOT NULL, cuts INTEGER NOT NULL,
  peak_cmaf INTEGER NOT NULL, peak_ts INTEGER NOT NULL, bytes_cmaf INTEGER NOT NULL, bytes_ts INTEGER NOT NULL,
  microseconds INTEGER NOT NULL, PRIMARY KEY(endpoint, stretch, track)) WITHOUT ROWID;
)sql";

// Columns that version 1 did not have, in the order of the tables above. What was not recorded is told
// from the stretches: their ids, which may leave some out, were the discontinuity sequence. So that no
// playlist goes back, the count ends where it was for the newest cut.
constexpr char columns_of_version_2[] = R"sql(
ALTER TABLE endpoint ADD COLUMN stretch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE endpoint ADD COLUMN discontinuity_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generation ADD COLUMN start INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cut ADD COLUMN discontinuity INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cut ADD COLUMN discontinuity_sequence INTEGER NOT NULL DEFAULT 0;
UPDATE endpoint SET stretch = top.id, discontinuity_sequence = max(top.id - 1, 0)
  FROM (SELECT max(id) AS id FROM stretch) AS top WHERE next_number > 1 AND top.id IS NOT NULL;
UPDATE cut SET discontinuity = 1 FROM cut AS before
  WHERE before.endpoint = cut.endpoint AND before.number = cut.number - 1 AND before.stretch <> cut.stretch;
PRAGMA user_version = 2;
)sql";

// Once `discontinuity` is known of every cut.
constexpr char sequences_of_version_2[] = R"sql(
UPDATE cut SET discontinuity_sequence = counted.sequence FROM (
  SELECT endpoint, number,
    last_value(stretch) OVER (PARTITION BY endpoint ORDER BY number
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) - 1
    - coalesce(sum(discontinuity) OVER (PARTITION BY endpoint ORDER BY number
      ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), 0) AS sequence
  FROM cut) AS counted
  WHERE counted.endpoint = cut.endpoint AND counted.number = cut.number;
)sql";

// The oldest kept cut has lost the one before it; its stretch's record says whether it began there.
Status mark_oldest_cuts(Database& database) {
  Statement stretches = TRY(database.prepare("SELECT record FROM stretch WHERE id > 1"));
  Statement mark = TRY(database.prepare(
      "UPDATE cut SET discontinuity = 1 WHERE number > 1 AND first_slot = ? AND stretch = ?"));
  while (TRY(stretches.step())) {
    const timeline::Stretch stretch = TRY(parse_stretch(stretches.blob(0)));
    mark.bind(1, stretch.first_slot);
    mark.bind(2, stretch.id);
    TRY(mark.run());
  }
  return {};
}

// Until now manifests took the start of a generation from the first cut of it that was kept.
Status date_generations(Database& database) {
  Statement firsts = TRY(
      database.prepare("SELECT cut.endpoint, cut.generation, slot.number, slot.record, min(cut.number)"
                       " FROM cut JOIN slot ON slot.number = cut.first_slot GROUP BY endpoint, generation"));
  Statement date = TRY(database.prepare("UPDATE generation SET start = ? WHERE endpoint = ? AND number = ?"));
  while (TRY(firsts.step())) {
    const timeline::Slot slot = TRY(parse_slot(firsts.unsigned_integer(2), firsts.blob(3)));
    date.bind(1, slot.utc.time_since_epoch().count());
    date.bind(2, firsts.integer(0));
    date.bind(3, firsts.integer(1));
    TRY(date.run());
  }
  return {};
}

}  // namespace

Status bring_up_to_date(Database& database, std::int64_t version) {
  auto transaction = TRY(sqlite::Transaction::begin(database));
  if (version == 0) {
    TRY(database.execute(schema));
  }
  if (version == 1) {
    TRY(database.execute(columns_of_version_2));
    TRY(mark_oldest_cuts(database));
    TRY(database.execute(sequences_of_version_2));
    TRY(date_generations(database));
  }
  // Version 3 has the same tables as 2; its stretch records say more.
  if (version > 0 && version < 4) TRY(database.execute(tables_of_version_4));
  if (version > 0 && version < 5) TRY(database.execute(column_of_version_5));
  TRY(database.execute(table_of_version_6));
  TRY(database.execute("PRAGMA user_version = 6"));
  return transaction.commit();
}

}  // namespace tarn::archive
