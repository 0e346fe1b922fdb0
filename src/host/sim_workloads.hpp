// The workloads of the runtime's own scenarios (sim_scenarios.cpp).
#pragma once

#include <equus/host/sim_scenario.hpp>

#include <memory>

namespace equus::sim {

/// Producers on all nodes send numbers to consumers on all nodes, by unicast and by multicast;
/// every consumer expects every stream's numbers 1, 2, 3 ... once and in order. The conductor
/// passes the references on, and asks the consumers until everything has arrived or the lost are
/// known to be lost.
struct streams_shape {
    bool deaths = true;
    bool link_breaks = false; ///< the mix has them, often, and little else
};
std::unique_ptr<workload> make_streams_workload(streams_shape shape);

/// Callers on all nodes invoke servers on all nodes. An invocation is carried out at most once; it
/// ends by its deadline; a reply is the right one; and one that is said never to have left was
/// never carried out.
std::unique_ptr<workload> make_calls_workload();

/// Every kind of message between incarnations of all nodes, mixed. Speakers send, invoke and
/// asinvoke the items 1, 2, 3 ... of a lane in turn, and blink beside them; hearers expect every
/// item once and in order, however it was sent, and now and then freeze a client. Who never listens
/// is ended, and what was queued for it must be reported. What a lost hearer leaves in doubt is
/// sent to another, and must be marked.
std::unique_ptr<workload> make_model_workload();

/// Speakers send numbers to a multicast and to an anycast channel of many ports, which join late,
/// leave and come back while nodes are lost, and one of which gets stuck. Every port hears a run
/// without a gap from its joining to its leaving; what an anycast channel carries is heard by one
/// port only; a stuck port does not stop the others for ever.
std::unique_ptr<workload> make_multicast_workload();

/// Buffers written and read from other nodes, bulk in requests, one-way messages and replies, all
/// compared byte for byte.
std::unique_ptr<workload> make_bulk_workload();

/// Guests on all nodes take a seat, of which there are few, say what they have to say and give it
/// back, or die there; and deposit chairs of their own, which others try. All through stream space,
/// whose primary is kept away from the root so that its node dies too.
std::unique_ptr<workload> make_space_workload();

/// Parents on all nodes adopt children, absolutely or as one of a group. Some parents are ended,
/// and nodes are lost. In the end a child lives exactly if its parents say so.
std::unique_ptr<workload> make_dependency_workload();

/// Workers on all nodes are followed through their lives: one is destroyed, one fails and is looked
/// at first, one ends by itself, one is frozen with messages on their way to it. Every worker's
/// events come once and in the order of its life, a frozen one does nothing but what its control
/// port is told, and a fault waits for its parent and for nobody else. Guards on all nodes check
/// that what a handler interrupts stands still.
std::unique_ptr<workload> make_events_workload();

/// Forkers copy themselves to other nodes, and their copies do so again. A child has what its
/// parent had at that moment, references and numbers alike, under an identity of its own; its
/// listed port is fed by its parent, each number once and in order; what must not be passed on is
/// not there. Blueprints are copied between all nodes. Copies depend on whom their original
/// depended on.
std::unique_ptr<workload> make_fork_workload();

/// Producers send items to consumers, and publish bulletins on a multicast channel, while all of
/// them are moved between the nodes, several at once. Every item is taken once and in order,
/// wherever its consumer is: each tells the world outside. With `deaths` nodes are lost too: an
/// incarnation is lost with the node that has it, and with no other.
std::unique_ptr<workload> make_migrate_workload(bool deaths);

/// Nodes join, leave, crash, are cut off and come back. The register's writes are one history: each
/// life joins once, with a boot number that was never given before, and goes once; who is written
/// off for its silence has stopped itself by then; and in the end everybody knows the same members,
/// namely those that live.
std::unique_ptr<workload> make_membership_workload();

/// The root's clock leaps, as after a suspend, by less or more than any limit: no member is written
/// off that could be heard.
std::unique_ptr<workload> make_asleep_workload();

} // namespace equus::sim
