// The print shop's modules. The dissertation's text-processing computation: a manager that decides
// how many workers there are, a scheduler that hands out documents, workers that set them, a
// spooler that collates.
//
// Every node but that of the manager and the scheduler may be lost while it prints. The manager
// watches workers and spooler, makes others in their place, and has what is not printed handed out
// again; a document's id makes that harmless: the spooler prints the first copy that is whole,
// under a name that a second printing would only write again.
#pragma once

#include "messages.hpp"
#include "queueing.hpp"

#include <equus/incarnation.hpp>
#include <equus/services/console.hpp>
#include <equus/services/files.hpp>
#include <equus/services/launch.hpp>
#include <equus/task_group.hpp>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace doc {

/// Hears everybody, makes the workers, prints the table.
class manager : public equus::incarnation<manager> {
public:
    struct parameters {
        std::uint32_t workers = 0; ///< 0: as many as nodes and documents allow
        EQUUS_FIELDS(workers)
    };
    struct outcome {
        std::string name;
        std::string worker;
        std::uint32_t pages = 0;
        std::string trouble;
        EQUUS_FIELDS(name, worker, pages, trouble)
    };
    struct state {
        std::uint32_t documents = 0;
        std::uint32_t duplicated = 0;
        std::map<std::uint32_t, outcome> outcomes; ///< by document
        std::vector<std::string> happened;         ///< who was lost, and what was done about it
        EQUUS_FIELDS(documents, duplicated, outcomes, happened)
    };
    parameters parameters_;
    state state_;
    equus::port<reporting> reports{*this, "reports"};
    equus::stream<scheduling> tasks{*this, "tasks"};
    equus::stream<equus::console::printing> console{*this, "console"};

    equus::task<std::int32_t> main();

private:
    equus::task<> hear_reports();
    equus::task<> hear_ends();
    equus::task<> open_shop();
    equus::task<> watch(equus::launching::instance whom);
    equus::task<> watch_all(std::string family);
    equus::task<> make(std::string what, std::uint32_t count);
    equus::task<> hire(std::uint32_t documents);
    equus::task<> replace(equus::event gone);
    void enter(std::uint32_t document, outcome what);
    done_so_far all_done() const;
    bool complete() const noexcept;
    std::string table(equus::duration took) const;

    bool counted_ = false;      ///< the scheduler has said how many documents there are
    std::string trouble_;       ///< why there is nothing to print
    std::uint32_t wanted_ = 0;  ///< workers at a time
    std::uint32_t workers_ = 0; ///< present
    struct colleague {
        std::string name;
        std::uint32_t number = 0; ///< in the order in which they were made
    };
    std::map<equus::incarnation_id, colleague> watched_;
    std::uint32_t made_ = 0;
    std::uint32_t spooler_ = 0; ///< number of the present one
    std::deque<equus::event> ends_;
    equus::wake_signal changed_;
    equus::task_group hearing_; ///< last: its tasks use all of the above
};

/// Finds the documents and hands them out, one to each worker that asks.
class scheduler : public equus::incarnation<scheduler> {
public:
    struct parameters {
        equus::file_path documents;
        EQUUS_FIELDS(documents)
    };
    struct entry {
        std::string path;
        std::string name;
        std::string worker;      ///< who has it; empty: it waits, or is done
        std::uint32_t times = 0; ///< handed out
        EQUUS_FIELDS(path, name, worker, times)
    };
    struct state {
        std::vector<entry> documents; ///< by id
        std::deque<std::uint32_t> waiting;
        EQUUS_FIELDS(documents, waiting)
    };
    parameters parameters_;
    state state_;
    equus::port<scheduling> tasks{*this, "tasks"};
    equus::stream<reporting> reports{*this, "reports"};
    equus::stream<equus::files::filing> files{*this, "files"};

    equus::task<> start();
    task_slip on(next_task asked);
    void on(submit more);
    equus::task<remaining> on(ended who);
};

/// Takes a document at a time, sets it, sends its pages on.
class worker : public equus::incarnation<worker> {
public:
    equus::stream<scheduling> tasks{*this, "tasks"};
    equus::stream<printing> pages{*this, "pages"};
    equus::stream<reporting> reports{*this, "reports"};
    equus::stream<equus::files::filing> files{*this, "files"};
    equus::stream<pressing> press{*this, "press"};

    equus::task<> main();

private:
    equus::task<> set(task_slip job);
};

/// Collates the pages of each document into one PDF, and gives it to a folder or to a printer.
class spooler : public equus::incarnation<spooler> {
public:
    struct parameters {
        equus::file_path folder;
        std::string device;                                  ///< an IPP queue; empty: the folder
        equus::duration patience = std::chrono::minutes{10}; ///< for the queue to print a document
        EQUUS_FIELDS(folder, device, patience)
    };
    struct state {
        using copies =
            std::map<std::string, std::vector<equus::bytes>>; ///< pages so far, by worker
        std::map<std::uint32_t, copies> open;                 ///< by document
        std::set<std::uint32_t> closed; ///< documents that are printed or spoiled
        EQUUS_FIELDS(open, closed)
    };
    parameters parameters_;
    state state_;
    equus::port<printing> jobs{*this, "jobs"};
    equus::stream<reporting> reports{*this, "reports"};
    equus::stream<equus::files::filing> files{*this, "files"};
    equus::stream<pressing> press{*this, "press"};
    equus::stream<queueing> printer{*this, "printer"};

    equus::task<> start();
    equus::task<> on(page p);

private:
    equus::task<> put_out(std::uint32_t document, std::string name, equus::bytes pdf);
};

/// The node's press: passes work to the typesetter's threads.
class press_service : public equus::incarnation<press_service> {
public:
    equus::port<pressing> work{*this, "work"};
    equus::task<pages_set> on(set_in_type job);
    equus::task<bound> on(bind_pages job);
};

/// The node's printer: prints a document on an IPP queue, once (queueing.hpp).
class printer_service : public equus::incarnation<printer_service> {
public:
    equus::port<queueing> work{*this, "work"};
    equus::task<on_paper> on(put_on_paper job);

private:
    equus::task<> enter(const put_on_paper& job);
    equus::task<equus::result<job_changed>> change(std::string queue, std::uint32_t number,
                                                   job_change what);
    equus::task<> take_back(const look_at_queue& look, std::uint32_t number, equus::error why);
};

/// Registers the modules; the effects' functions are the program's or a simulation's.
void add_print_shop(equus::module_table& modules);

} // namespace doc
