// A module is what incarnations are made from: a class known by name. A program registers its
// modules once, in main(); nothing registers itself behind its back.
//
//     equus::module_table modules;
//     modules.add<doc::spooler>("doc.spooler");
#pragma once

#include <equus/creation.hpp>
#include <equus/incarnation.hpp>
#include <equus/manifest.hpp>
#include <equus/rdc.hpp>
#include <equus/wiring.hpp>

#include <concepts>
#include <cstdint>
#include <map>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace equus {

namespace detail {

/// Converts a value of the language to a field of a parameter block; invalid_argument says what was
/// expected.
template <class T>
result<void> assign_parameter(T& field, const rdc_value& value) {
    if constexpr (std::is_same_v<T, bool>) {
        if (const auto* v = value.as<bool>()) {
            field = *v;
            return {};
        }
        return fail(errc::invalid_argument, "expected a bool");
    } else if constexpr (std::is_integral_v<T>) {
        const auto* v = value.as<std::int64_t>();
        if (!v)
            return fail(errc::invalid_argument, "expected an integer");
        if (!std::in_range<T>(*v))
            return fail(errc::invalid_argument, "the integer is out of the parameter's range");
        field = static_cast<T>(*v);
        return {};
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (const auto* v = value.as<std::string>())
            field = *v;
        else if (const auto* p = value.as<file_path>())
            field = p->text;
        else
            return fail(errc::invalid_argument, "expected a text");
        return {};
    } else if constexpr (std::is_same_v<T, file_path>) {
        if (const auto* p = value.as<file_path>())
            field = *p;
        else if (const auto* v = value.as<std::string>())
            field.text = *v;
        else
            return fail(errc::invalid_argument, "expected a path");
        return {};
    } else if constexpr (std::is_same_v<T, duration>) {
        if (const auto* v = value.as<duration>()) {
            field = *v;
            return {};
        }
        return fail(errc::invalid_argument, "expected a duration");
    } else if constexpr (std::is_same_v<T, rdc_value>) {
        field = value;
        return {};
    } else {
        const auto* v = value.as<rdc_value::list>();
        if (!v)
            return fail(errc::invalid_argument, "expected a list");
        field.clear();
        for (const rdc_value& item : *v) {
            typename T::value_type element{};
            if (auto done = assign_parameter(element, item); !done)
                return done;
            field.push_back(std::move(element));
        }
        return {};
    }
}

template <class T>
std::string parameter_type_name() {
    if constexpr (std::is_same_v<T, bool>)
        return "bool";
    else if constexpr (std::is_integral_v<T>)
        return "int";
    else if constexpr (std::is_same_v<T, std::string>)
        return "text";
    else if constexpr (std::is_same_v<T, file_path>)
        return "path";
    else if constexpr (std::is_same_v<T, duration>)
        return "duration";
    else
        return "list of " + parameter_type_name<typename T::value_type>();
}

/// Calls visit(name, field) for each field, in order.
template <class T, class Visitor>
void for_each_named_field(T& object, Visitor&& visit) {
    std::string_view names = T::equus_field_names();
    const auto next_name = [&names] {
        const auto begin = names.find_first_not_of(" \t\n");
        const auto comma = names.find(',');
        std::string_view name = names.substr(begin == names.npos ? 0 : begin,
                                             (comma == names.npos ? names.size() : comma) -
                                                 (begin == names.npos ? 0 : begin));
        names = comma == names.npos ? std::string_view{} : names.substr(comma + 1);
        while (!name.empty() && (name.back() == ' ' || name.back() == '\n' || name.back() == '\t'))
            name.remove_suffix(1);
        return name;
    };
    object.equus_visit([&](auto&... field) { (visit(next_name(), field), ...); });
}

template <class D>
concept has_parameters = requires(D& object) {
    object.parameters_;
};
template <class D>
concept has_state = requires(D& object) {
    object.state_;
};
template <class D>
concept has_start = requires(D& object) {
    object.start();
};
template <class D>
concept can_be_forked = requires(D& object, forked told) {
    object.on(std::move(told));
};

template <class D>
concept hears_of_arrival = requires(D& object, arrived told) {
    object.on(std::move(told));
};

/// The end of every life: it serves, and runs main().
template <class D>
task<> serve([[maybe_unused]] D& object) {
    open_ports();
    if constexpr (has_main<D>) {
        using returned = typename task_value<decltype(object.main())>::type;
        if constexpr (std::is_void_v<returned>) {
            co_await object.main();
            end_self(0);
        } else {
            const std::int32_t result = co_await object.main();
            end_self(result);
        }
    }
    co_return;
}

/// The life of an incarnation, from its wiring to the end of main().
template <class D>
task<> live(D& object) {
    co_await wire_interfaces();
    if constexpr (has_start<D>) {
        if constexpr (task_value<decltype(object.start())>::is_task)
            co_await object.start();
        else
            object.start();
    }
    open_ports();
    if constexpr (has_main<D>) {
        using returned = typename task_value<decltype(object.main())>::type;
        if constexpr (std::is_void_v<returned>) {
            co_await object.main();
            end_self(0);
        } else {
            const std::int32_t result = co_await object.main();
            end_self(result);
        }
    }
}

/// The life of a copy: its original was wired and started.
template <class D>
task<> live_forked(D& object, forked told) {
    if constexpr (task_value<decltype(object.on(std::move(told)))>::is_task)
        co_await object.on(std::move(told));
    else
        object.on(std::move(told));
    co_await serve(object);
}

/// A life at another node: it was started long ago.
template <class D>
task<> live_again(D& object, [[maybe_unused]] arrived told) {
    if constexpr (hears_of_arrival<D>) {
        if constexpr (task_value<decltype(object.on(std::move(told)))>::is_task)
            co_await object.on(std::move(told));
        else
            object.on(std::move(told));
    }
    co_await serve(object);
}

/// A module as the kernel sees it.
struct module_type {
    std::string name;
    module_manifest description;
    std::size_t size = 0;
    std::size_t alignment = 0;
    result<void> (*construct)(void* at) = nullptr;
    void (*destroy)(void* object) noexcept = nullptr;
    task<> (*live)(void* object) = nullptr;
    result<void> (*set_parameter)(void* object, std::string_view name,
                                  const rdc_value& value) = nullptr;
    const message_type* state_type = nullptr; ///< null: no state
    void* (*state)(void* object) noexcept = nullptr;
    const message_type* parameters_type = nullptr; ///< null: none
    void* (*parameters)(void* object) noexcept = nullptr;
    task<> (*live_forked)(void* object, forked told) = nullptr; ///< null: no on(forked)
    task<> (*live_again)(void* object, arrived told) = nullptr;
    bool sets_handlers_again = false;            ///< has an on(arrived)
    heap_use allocating = heap_use::counted;     ///< limited: its code can take an exception
    std::vector<std::string> effects;            ///< that its incarnations may ask for
    std::vector<const protocol_type*> protocols; ///< of its interfaces, in order of declaration
};

template <class D>
struct module_operations {
    static result<void> construct(void* at) {
#if defined(__cpp_exceptions)
        try {
            new (at) D();
        } catch (...) {
            return fail(capture_exception());
        }
#else
        new (at) D();
#endif
        return {};
    }
    static void destroy(void* object) noexcept {
        static_cast<D*>(object)->~D();
    }
    static task<> live(void* object) {
        return detail::live(*static_cast<D*>(object));
    }
    static result<void> set_parameter([[maybe_unused]] void* object, std::string_view name,
                                      [[maybe_unused]] const rdc_value& value) {
        result<void> outcome = fail(errc::not_found, "no parameter '" + std::string{name} + "'");
        if constexpr (has_parameters<D>)
            for_each_named_field(static_cast<D*>(object)->parameters_,
                                 [&](std::string_view field_name, auto& field) {
                                     if (field_name == name)
                                         outcome = assign_parameter(field, value);
                                 });
        return outcome;
    }
    static void* state(void* object) noexcept {
        if constexpr (has_state<D>)
            return &static_cast<D*>(object)->state_;
        else
            return nullptr;
    }
    static void* parameters(void* object) noexcept {
        if constexpr (has_parameters<D>)
            return &static_cast<D*>(object)->parameters_;
        else
            return nullptr;
    }
    static task<> live_forked(void* object, forked told) {
        return detail::live_forked(*static_cast<D*>(object), told);
    }
    static task<> live_again(void* object, arrived told) {
        return detail::live_again(*static_cast<D*>(object), told);
    }
};

/// Constructs one incarnation outside of any node to learn what it declares.
void describe_interfaces(module_type& module);

} // namespace detail

/// The modules of a program, by name.
class module_table {
public:
    /// Registers class D. `effects`: the names of the effects that its incarnations may ask for; a
    /// module with any is a service of the program.
    template <class D>
    module_table& add(std::string name, std::vector<std::string> effects = {}) {
        detail::module_type module;
        module.name = name;
        module.description.name = std::move(name);
        module.size = sizeof(D);
        module.alignment = alignof(D);
#if defined(__cpp_exceptions)
        module.allocating = detail::heap_use::limited;
#endif
        module.construct = &detail::module_operations<D>::construct;
        module.destroy = &detail::module_operations<D>::destroy;
        module.live = &detail::module_operations<D>::live;
        module.set_parameter = &detail::module_operations<D>::set_parameter;
        if constexpr (detail::has_state<D>) {
            using state = std::remove_cvref_t<decltype(std::declval<D&>().state_)>;
            static_assert(has_fields<state>, "state needs EQUUS_FIELDS(...)");
            module.state_type = &detail::message_type_of<state>;
            module.state = &detail::module_operations<D>::state;
        }
        if constexpr (detail::has_parameters<D>) {
            using parameters = std::remove_cvref_t<decltype(std::declval<D&>().parameters_)>;
            static_assert(has_fields<parameters>, "parameters need EQUUS_FIELDS(...)");
            module.parameters_type = &detail::message_type_of<parameters>;
            module.parameters = &detail::module_operations<D>::parameters;
            parameters defaults{};
            detail::for_each_named_field(defaults, [&](std::string_view field, auto& value) {
                parameter_manifest described;
                described.name = field;
                described.type =
                    detail::parameter_type_name<std::remove_cvref_t<decltype(value)>>();
                module.description.parameters.push_back(std::move(described));
            });
        }
        if constexpr (detail::can_be_forked<D>)
            module.live_forked = &detail::module_operations<D>::live_forked;
        module.live_again = &detail::module_operations<D>::live_again;
        module.sets_handlers_again = detail::hears_of_arrival<D>;
        module.effects = std::move(effects);
        detail::describe_interfaces(module);
        insert(std::move(module));
        return *this;
    }

    /// Registers class D as a service too: every node of a run has one of its own, and what is
    /// wired to `system.SERVICE` reaches its first port. Requires: D declares a port.
    template <class D>
    module_table& add_service(std::string name, std::string service,
                              std::vector<std::string> effects = {}) {
        add<D>(name, std::move(effects));
        service_manifest described;
        described.name = std::move(service);
        described.module = std::move(name);
        for (const interface_manifest& declared : find(described.module)->description.interfaces)
            if (declared.kind == interface_kind::port && described.port.empty()) {
                described.port = declared.name;
                described.protocol = declared.protocol;
            }
        EQUUS_ASSERT(!described.port.empty());
        services_.push_back(std::move(described));
        return *this;
    }
    /// In order of registration.
    const std::vector<service_manifest>& services() const noexcept {
        return services_;
    }

    /// Null when there is none of that name.
    const detail::module_type* find(std::string_view name) const noexcept {
        const auto found = modules_.find(name);
        return found == modules_.end() ? nullptr : &found->second;
    }
    const std::map<std::string, detail::module_type, std::less<>>& all() const noexcept {
        return modules_;
    }

private:
    void insert(detail::module_type module) {
        std::string key = module.name;
        modules_.insert_or_assign(std::move(key), std::move(module));
    }
    std::map<std::string, detail::module_type, std::less<>> modules_;
    std::vector<service_manifest> services_;
};

} // namespace equus
