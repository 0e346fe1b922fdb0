// All that an application's modules need; a program's main() adds <equus/host/main.hpp>.
#pragma once

#include <equus/buffer.hpp>
#include <equus/bulk.hpp>
#include <equus/channel.hpp>
#include <equus/control.hpp>
#include <equus/creation.hpp>
#include <equus/effect.hpp>
#include <equus/event.hpp>
#include <equus/handle.hpp>
#include <equus/incarnation.hpp>
#include <equus/module.hpp>
#include <equus/port.hpp>
#include <equus/protocol.hpp>
#include <equus/rights.hpp>
#include <equus/stream.hpp>
#include <equus/sync.hpp>
#include <equus/task.hpp>
#include <equus/task_group.hpp>
