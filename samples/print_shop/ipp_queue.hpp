// An IPP queue through CUPS's client library: the three effects of queueing.hpp. Knows nothing of
// incarnations; blocks, and may be called by several threads at once.
#pragma once

#include "queueing.hpp"

#include <equus/base/result.hpp>

namespace doc {

equus::result<queue_seen> look_at(const look_at_queue& asked);
equus::result<job_entered> enter(const enter_job& asked);
equus::result<job_changed> change(const change_job& asked);

/// The name of a job: the key, then as much of the document's name as IPP allows, in whole letters.
std::string job_name(const std::string& key, const std::string& name);

} // namespace doc
