// SPDX-License-Identifier: Apache-2.0
#include "core/archive/sqlite_catalogue.h"

#include "core/archive/catalogue_schema.h"
#include "core/archive/records.h"
#include "core/archive/sqlite.h"

namespace tarn::archive {
namespace {

using sqlite::Database;
using sqlite::Statement;

std::int64_t to_column(Utc time) { return time.time_since_epoch().count(); }
Utc utc_from_column(std::int64_t value) { return Utc{Microseconds{value}}; }
std::uint32_t narrow(std::int64_t value) { return static_cast<std::uint32_t>(value); }

class SqliteCatalogue final : public Catalogue {
 public:
  explicit SqliteCatalogue(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  Status prepare() {
    set_state_ = TRY(database_->prepare("INSERT OR REPLACE INTO state VALUES(?, ?)"));
    clear_state_ = TRY(database_->prepare("DELETE FROM state WHERE key = ?"));
    set_edge_ = TRY(database_->prepare("INSERT OR REPLACE INTO edge VALUES(?, ?)"));
    add_init_ = TRY(database_->prepare("INSERT INTO init VALUES(?, ?, ?)"));
    add_stretch_ = TRY(database_->prepare("INSERT OR REPLACE INTO stretch VALUES(?, ?)"));
    add_anchor_ = TRY(database_->prepare("INSERT INTO anchor VALUES(?, ?, ?, ?)"));
    drop_anchors_ = TRY(
        database_->prepare("DELETE FROM anchor WHERE slot < (SELECT max(slot) FROM anchor WHERE slot <= ?)"));
    add_slot_ = TRY(database_->prepare("INSERT OR REPLACE INTO slot VALUES(?, ?)"));
    add_late_ = TRY(database_->prepare("INSERT OR REPLACE INTO late VALUES(?, ?)"));
    set_endpoint_ = TRY(database_->prepare(
        "INSERT INTO endpoint(name, removed, channel_segment_duration, last_generation, next_number, "
        "next_slot, stretch, discontinuity_sequence)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(name) DO UPDATE SET removed = excluded.removed,"
        " channel_segment_duration = excluded.channel_segment_duration,"
        " last_generation = excluded.last_generation, next_number = excluded.next_number,"
        " next_slot = excluded.next_slot, stretch = excluded.stretch,"
        " discontinuity_sequence = excluded.discontinuity_sequence"));
    find_endpoint_ = TRY(database_->prepare("SELECT id FROM endpoint WHERE name = ?"));
    set_generation_ =
        TRY(database_->prepare("INSERT OR REPLACE INTO generation VALUES(?, ?, ?, ?, ?, ?, ?)"));
    add_cut_ = TRY(database_->prepare("INSERT INTO cut VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    set_rate_ = TRY(database_->prepare("INSERT OR REPLACE INTO rate VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    drop_rates_ = TRY(database_->prepare("DELETE FROM rate WHERE endpoint = ? AND stretch < ?"));
    drop_slots_ = TRY(database_->prepare("DELETE FROM slot WHERE number < ?"));
    drop_late_ = TRY(database_->prepare("DELETE FROM late WHERE slot < ?"));
    drop_stretches_ = TRY(database_->prepare("DELETE FROM stretch WHERE id < ?"));
    drop_generations_ = TRY(database_->prepare("DELETE FROM generation WHERE endpoint = ? AND number < ?"));
    drop_cuts_ = TRY(database_->prepare("DELETE FROM cut WHERE endpoint = ? AND number < ?"));
    return {};
  }

  Result<Contents> load() override {
    Contents contents;
    TRY(load_state(contents));
    TRY(load_stretches(contents));
    TRY(load_slots(contents));
    TRY(load_late(contents));
    TRY(load_anchors(contents));
    TRY(load_endpoints(contents));
    return contents;
  }

  Status commit(const Change& change) override {
    auto transaction = TRY(sqlite::Transaction::begin(*database_));
    TRY(write_state(change));
    TRY(write_media(change));
    for (const auto& [name, endpoint] : change.endpoints) TRY(write_endpoint(name, endpoint));
    return transaction.commit();
  }

 private:
  Status load_state(Contents& contents) {
    Statement state = TRY(database_->prepare("SELECT key, value FROM state"));
    while (TRY(state.step())) {
      const std::string_view key = state.text(0);
      const std::int64_t value = state.integer(1);
      if (key == "serial_limit") contents.serial_limit = static_cast<std::uint64_t>(value);
      if (key == "number_floor") contents.number_floor = static_cast<std::uint64_t>(value);
      if (key == "availability_start") contents.availability_start = utc_from_column(value);
      if (key == "ended") contents.ended = utc_from_column(value);
      if (key == "next_slot") contents.footing.next_slot = static_cast<std::uint64_t>(value);
      if (key == "slot_end") contents.footing.slot_end = value;
      if (key == "edge_stretch") contents.footing.stretch = narrow(value);
      if (key == "slot_end_utc") contents.footing.slot_end_utc = utc_from_column(value);
    }
    Statement edges = TRY(database_->prepare("SELECT track, time FROM edge"));
    while (TRY(edges.step())) contents.footing.edges[narrow(edges.integer(0))] = edges.integer(1);
    return {};
  }

  Status load_stretches(Contents& contents) {
    Statement inits = TRY(database_->prepare("SELECT track, config, bytes FROM init ORDER BY track, config"));
    while (TRY(inits.step())) {
      contents.inits.push_back(
          {narrow(inits.integer(0)), narrow(inits.integer(1)), Blob::copy_of(inits.blob(2))});
    }
    Statement stretches = TRY(database_->prepare("SELECT id, record FROM stretch ORDER BY id"));
    while (TRY(stretches.step())) {
      auto stretch = parse_stretch(stretches.blob(1));
      if (!stretch.ok() && stretch.error().code == ErrorCode::unsupported) return std::move(stretch).error();
      if (stretch.ok() && stretch->id == stretches.unsigned_integer(0)) {
        contents.stretches.push_back(std::move(stretch).value());
      } else {
        ++contents.damaged_stretches;
      }
    }
    return {};
  }

  Status load_slots(Contents& contents) {
    Statement slots = TRY(database_->prepare("SELECT number, record FROM slot ORDER BY number"));
    while (TRY(slots.step())) {
      const std::uint64_t number = slots.unsigned_integer(0);
      auto slot = parse_slot(number, slots.blob(1));
      if (!slot.ok() && slot.error().code == ErrorCode::unsupported) return std::move(slot).error();
      if (slot.ok()) {
        contents.slots.push_back(std::move(slot).value());
      } else {
        contents.damaged_slots.insert(number);
      }
    }
    return {};
  }

  // A record that is damaged is no loss to what was listed: the hole is there again.
  Status load_late(Contents& contents) {
    Statement rows = TRY(database_->prepare("SELECT slot, record FROM late ORDER BY slot"));
    while (TRY(rows.step())) {
      auto slot = parse_slot(rows.unsigned_integer(0), rows.blob(1));
      if (slot.ok()) contents.late.push_back({slot->number, std::move(slot->chunks)});
    }
    return {};
  }

  Status load_anchors(Contents& contents) {
    Statement anchors = TRY(database_->prepare("SELECT slot, stretch, time, utc FROM anchor ORDER BY slot"));
    while (TRY(anchors.step())) {
      contents.anchors.push_back({anchors.unsigned_integer(0), narrow(anchors.integer(1)), anchors.integer(2),
                                  utc_from_column(anchors.integer(3))});
    }
    return {};
  }

  Status load_endpoints(Contents& contents) {
    Statement endpoints = TRY(database_->prepare(
        "SELECT id, name, removed, channel_segment_duration, last_generation, next_number, next_slot,"
        " stretch, discontinuity_sequence FROM endpoint"));
    Statement generations = TRY(database_->prepare(
        "SELECT number, from_slot, segment_duration, target_duration, start, key_period FROM generation"
        " WHERE endpoint = ? ORDER BY number"));
    Statement cuts =
        TRY(database_->prepare("SELECT number, first_slot, slot_count, stretch, generation, recorded,"
                               " discontinuity, discontinuity_sequence FROM cut"
                               " WHERE endpoint = ? ORDER BY number"));
    Statement rates = TRY(database_->prepare(
        "SELECT stretch, track, through, cuts, peak_cmaf, peak_ts, bytes_cmaf, bytes_ts, microseconds"
        " FROM rate WHERE endpoint = ?"));
    while (TRY(endpoints.step())) {
      StoredEndpoint& endpoint = contents.endpoints[std::string{endpoints.text(1)}];
      endpoint.removed = endpoints.integer(2) != 0;
      endpoint.channel_segment_duration = narrow(endpoints.integer(3));
      endpoint.last_generation = narrow(endpoints.integer(4));
      endpoint.anchor = {endpoints.unsigned_integer(5), endpoints.unsigned_integer(6),
                         narrow(endpoints.integer(7)), narrow(endpoints.integer(8))};
      generations.bind(1, endpoints.integer(0));
      while (TRY(generations.step())) {
        endpoint.generations.push_back({narrow(generations.integer(0)), generations.unsigned_integer(1),
                                        narrow(generations.integer(2)), narrow(generations.integer(3)),
                                        utc_from_column(generations.integer(4)),
                                        narrow(generations.integer(5))});
      }
      rates.bind(1, endpoints.integer(0));
      while (TRY(rates.step())) {
        endpoint.rates[narrow(rates.integer(0))][narrow(rates.integer(1))] = {
            rates.unsigned_integer(2), rates.unsigned_integer(3), rates.unsigned_integer(4),
            rates.unsigned_integer(5), rates.unsigned_integer(6), rates.unsigned_integer(7),
            rates.unsigned_integer(8)};
      }
      cuts.bind(1, endpoints.integer(0));
      while (TRY(cuts.step())) {
        endpoint.cuts.push_back({cuts.unsigned_integer(0), cuts.unsigned_integer(1), narrow(cuts.integer(2)),
                                 narrow(cuts.integer(3)), narrow(cuts.integer(4)),
                                 utc_from_column(cuts.integer(5)), cuts.integer(6) != 0,
                                 narrow(cuts.integer(7))});
      }
    }
    return {};
  }

  Status set_state(std::string_view key, std::int64_t value) {
    set_state_.bind(1, key);
    set_state_.bind(2, value);
    return set_state_.run();
  }

  Status write_state(const Change& change) {
    if (change.serial_limit) TRY(set_state("serial_limit", static_cast<std::int64_t>(*change.serial_limit)));
    if (change.number_floor) TRY(set_state("number_floor", static_cast<std::int64_t>(*change.number_floor)));
    if (change.availability_start) {
      TRY(set_state("availability_start", to_column(*change.availability_start)));
    }
    if (change.ended && *change.ended) TRY(set_state("ended", to_column(**change.ended)));
    if (change.ended && !*change.ended) {
      clear_state_.bind(1, std::string_view{"ended"});
      TRY(clear_state_.run());
    }
    if (!change.footing) return {};
    TRY(set_state("next_slot", static_cast<std::int64_t>(change.footing->next_slot)));
    TRY(set_state("edge_stretch", change.footing->stretch));
    TRY(set_state("slot_end", change.footing->slot_end));
    TRY(set_state("slot_end_utc", to_column(change.footing->slot_end_utc)));
    TRY(database_->execute("DELETE FROM edge"));
    for (const auto& [track, time] : change.footing->edges) {
      set_edge_.bind(1, track);
      set_edge_.bind(2, time);
      TRY(set_edge_.run());
    }
    return {};
  }

  Status write_media(const Change& change) {
    for (const InitSection& init : change.inits) {
      add_init_.bind(1, init.track);
      add_init_.bind(2, init.config);
      add_init_.bind(3, init.bytes.bytes());
      TRY(add_init_.run());
    }
    for (const timeline::Stretch& stretch : change.stretches) {
      const ByteVector record = write_stretch(stretch);
      add_stretch_.bind(1, stretch.id);
      add_stretch_.bind(2, Bytes{record});
      TRY(add_stretch_.run());
    }
    for (const timeline::Slot& slot : change.slots) {
      const ByteVector record = write_slot(slot);
      add_slot_.bind(1, slot.number);
      add_slot_.bind(2, Bytes{record});
      TRY(add_slot_.run());
    }
    for (const LateChunks& late : change.late) {
      timeline::Slot slot;
      slot.number = late.slot;
      slot.chunks = late.chunks;
      const ByteVector record = write_slot(slot);
      add_late_.bind(1, late.slot);
      add_late_.bind(2, Bytes{record});
      TRY(add_late_.run());
    }
    for (const timeline::Anchor& anchor : change.anchors) {
      add_anchor_.bind(1, anchor.slot);
      add_anchor_.bind(2, anchor.stretch);
      add_anchor_.bind(3, anchor.time);
      add_anchor_.bind(4, to_column(anchor.utc));
      TRY(add_anchor_.run());
    }
    if (change.drop_slots_before > 0) {
      drop_slots_.bind(1, change.drop_slots_before);
      TRY(drop_slots_.run());
      drop_late_.bind(1, change.drop_slots_before);
      TRY(drop_late_.run());
      drop_anchors_.bind(1, change.drop_slots_before);
      TRY(drop_anchors_.run());
    }
    if (change.drop_stretches_before > 0) {
      drop_stretches_.bind(1, change.drop_stretches_before);
      TRY(drop_stretches_.run());
    }
    return {};
  }

  Status write_endpoint(const std::string& name, const EndpointChange& change) {
    if (change.head) TRY(write_head(name, *change.head));
    find_endpoint_.bind(1, std::string_view{name});
    if (!TRY(find_endpoint_.step())) {
      return Error{ErrorCode::internal, "endpoint " + name + ": not in the catalogue"};
    }
    const std::int64_t id = find_endpoint_.integer(0);
    TRY(find_endpoint_.run());
    drop_generations_.bind(1, id);
    drop_generations_.bind(2, change.drop_generations_before);
    if (change.drop_generations_before > 0) TRY(drop_generations_.run());
    drop_cuts_.bind(1, id);
    drop_cuts_.bind(2, change.drop_cuts_before);
    if (change.drop_cuts_before > 0) TRY(drop_cuts_.run());
    for (const timeline::Generation& generation : change.generations) {
      set_generation_.bind(1, id);
      set_generation_.bind(2, generation.number);
      set_generation_.bind(3, generation.from_slot);
      set_generation_.bind(4, generation.segment_duration);
      set_generation_.bind(5, generation.target_duration);
      set_generation_.bind(6, to_column(generation.start));
      set_generation_.bind(7, generation.key_period);
      TRY(set_generation_.run());
    }
    drop_rates_.bind(1, id);
    drop_rates_.bind(2, change.drop_rates_before);
    if (change.drop_rates_before > 0) TRY(drop_rates_.run());
    for (const auto& [stretch, tracks] : change.rates) {
      for (const auto& [track, rate] : tracks) TRY(write_rate(id, stretch, track, rate));
    }
    for (const timeline::Cut& cut : change.cuts) {
      add_cut_.bind(1, id);
      add_cut_.bind(2, cut.number);
      add_cut_.bind(3, cut.first_slot);
      add_cut_.bind(4, cut.slot_count);
      add_cut_.bind(5, cut.stretch);
      add_cut_.bind(6, cut.generation);
      add_cut_.bind(7, to_column(cut.recorded));
      add_cut_.bind(8, std::int64_t{cut.discontinuity ? 1 : 0});
      add_cut_.bind(9, cut.discontinuity_sequence);
      TRY(add_cut_.run());
    }
    return {};
  }

  Status write_rate(std::int64_t endpoint, std::uint32_t stretch, timeline::TrackId track,
                    const timeline::TrackRate& rate) {
    set_rate_.bind(1, endpoint);
    set_rate_.bind(2, stretch);
    set_rate_.bind(3, track);
    int column = 4;
    for (const std::uint64_t value : {rate.through, rate.cuts, rate.peak_cmaf, rate.peak_ts, rate.bytes_cmaf,
                                      rate.bytes_ts, rate.microseconds})
      set_rate_.bind(column++, value);
    return set_rate_.run();
  }

  Status write_head(const std::string& name, const StoredEndpoint& head) {
    set_endpoint_.bind(1, std::string_view{name});
    set_endpoint_.bind(2, std::int64_t{head.removed ? 1 : 0});
    set_endpoint_.bind(3, head.channel_segment_duration);
    set_endpoint_.bind(4, head.last_generation);
    set_endpoint_.bind(5, head.anchor.next_number);
    set_endpoint_.bind(6, head.anchor.first_slot);
    set_endpoint_.bind(7, head.anchor.stretch);
    set_endpoint_.bind(8, head.anchor.discontinuity_sequence);
    return set_endpoint_.run();
  }

  std::unique_ptr<Database> database_;  // outlives the statements
  Statement set_state_, clear_state_, set_edge_, add_init_, add_stretch_, add_slot_, add_late_, add_anchor_,
      drop_anchors_, set_endpoint_, find_endpoint_, set_generation_, add_cut_, drop_slots_, drop_late_,
      drop_stretches_, drop_generations_, drop_cuts_, set_rate_, drop_rates_;
};

}  // namespace

Result<std::unique_ptr<Catalogue>> open_sqlite_catalogue(const std::string& path, Absent absent) {
  auto database = TRY(Database::open(path));
  const std::int64_t version = TRY(database->integer("PRAGMA user_version"));
  if (version > schema_version) {
    return unsupported(path + ": schema version " + std::to_string(version) + "; this Tarn knows up to " +
                       std::to_string(schema_version));
  }
  if (version == 0 && absent == Absent::refuse)
    return malformed(path + ": missing, empty or not a catalogue");
  // Every commit reaches the disk before it returns (FULL), the write-ahead log being the only file it syncs.
  TRY(database->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  if (version < schema_version) TRY(bring_up_to_date(*database, version));
  auto catalogue = std::make_unique<SqliteCatalogue>(std::move(database));
  TRY(catalogue->prepare());
  return std::unique_ptr<Catalogue>{std::move(catalogue)};
}

}  // namespace tarn::archive
