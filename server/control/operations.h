// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/control/collection_board.h"
#include "server/control/control.h"
#include "server/control/list.h"
#include "server/control/resource.h"
#include "server/control/route.h"

namespace tarn::server {

// What each route does, once control.cpp has let the request in. The caller keeps changes apart from each
// other; reads may run at any time.
class Operations {
 public:
  Operations(const ControlSettings& settings, Store& store, StatusSource& status,
             const std::function<Utc()>& now, CollectionBoard* board)
      : settings_(settings), store_(store), status_(status), now_(now), board_(board) {}

  ApiResponse run(const ApiRequest& request, const RouteMatch& match);

 private:
  // A resource as the path names it, in the model of this moment; null resource: 404.
  template <class R>
  struct Found {
    std::shared_ptr<const Model> model;
    const R* resource = nullptr;
  };
  template <class R>
  [[nodiscard]] Found<R> find(const RouteMatch& match) const;

  template <class R>
  ApiResponse list(const ApiRequest& request, const RouteMatch& match);
  template <class R>
  ApiResponse create(const ApiRequest& request, const RouteMatch& match);
  template <class R>
  ApiResponse read(const ApiRequest& request, const RouteMatch& match);
  template <class R>
  ApiResponse patch(const ApiRequest& request, const RouteMatch& match);
  template <class R>
  ApiResponse remove(const ApiRequest& request, const RouteMatch& match);
  ApiResponse export_all(const ApiRequest& request);
  static ApiResponse follow_events(const ApiRequest& request);
  ApiResponse channel_status(const RouteMatch& match);
  ApiResponse endpoint_status(const RouteMatch& match);
  ApiResponse set_stopped(const ApiRequest& request, const RouteMatch& match, bool stopped);
  ApiResponse reset_channel(const ApiRequest& request, const RouteMatch& match);
  ApiResponse rotate_credentials(const ApiRequest& request, const RouteMatch& match);

  // collection_operations.cpp
  ApiResponse list_tasks(const ApiRequest& request, const RouteMatch& match);
  ApiResponse create_task(const ApiRequest& request, const RouteMatch& match);
  ApiResponse read_task(const RouteMatch& match);
  ApiResponse cancel_task(const RouteMatch& match);
  // The id of a task that still takes content of this channel or endpoint; empty: there is none.
  [[nodiscard]] std::string task_of(const Channel& channel) const;
  [[nodiscard]] std::string task_of(const Endpoint& endpoint) const;

  template <class R>
  ApiResponse shown(int status, const RouteMatch& match, Secrets secrets);
  // Whole seconds, as answers show them.
  [[nodiscard]] Utc now() const { return std::chrono::floor<std::chrono::seconds>(now_()); }

  const ControlSettings& settings_;
  Store& store_;
  StatusSource& status_;
  const std::function<Utc()>& now_;
  CollectionBoard* board_;
};

// The document docs/api/openapi.json, compiled in.
extern const std::string_view openapi_document;

}  // namespace tarn::server
