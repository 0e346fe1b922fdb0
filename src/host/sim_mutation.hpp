// Which planted fault a world has switched on, which rare paths its seed widens, and which marked
// states it has reached. Empty unless the build has mutants (kernel/mutants.hpp).
#pragma once

#include <equus/base/random.hpp>
#include <equus/kernel/mutants.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace equus::sim {

#if defined(EQUUS_MUTANTS) && EQUUS_MUTANTS

inline constexpr bool mutants_built = true;

class sim_mutation final : public mutation {
public:
    sim_mutation(std::uint64_t seed, std::string chosen)
        : seed_{seed}, chosen_{std::move(chosen)}, draws_{seed, "buggify"} {}

    bool mutant(std::string_view name) noexcept override { return name == chosen_; }
    /// Each site is widened in a quarter of all seeds, and then as often as it asks for.
    bool buggify(std::string_view site, unsigned per_mille) noexcept override {
        if (!buggify_on_)
            return false;
        random_sequence once{seed_ ^ 0x5177e, site};
        return once.chance(250) && draws_.chance(per_mille);
    }
    void sometimes(std::string_view name) noexcept override {
        if (reached_.find(name) == reached_.end())
            reached_.emplace(name, 0);
        ++reached_.find(name)->second;
    }

    void set_buggify(bool on) noexcept { buggify_on_ = on; }
    void enter() noexcept {
        before_ = active_mutation;
        active_mutation = this;
    }
    void leave() noexcept { active_mutation = before_; }
    const std::map<std::string, std::uint64_t, std::less<>>& reached() const noexcept {
        return reached_;
    }

private:
    std::uint64_t seed_;
    std::string chosen_;
    random_sequence draws_;
    bool buggify_on_ = false;
    mutation* before_ = nullptr;
    std::map<std::string, std::uint64_t, std::less<>> reached_;
};

#else

inline constexpr bool mutants_built = false;

class sim_mutation {
public:
    sim_mutation(std::uint64_t, const std::string&) noexcept {}
    void set_buggify(bool) noexcept {}
    void enter() noexcept {}
    void leave() noexcept {}
    const std::map<std::string, std::uint64_t, std::less<>>& reached() const noexcept {
        return reached_;
    }

private:
    std::map<std::string, std::uint64_t, std::less<>> reached_;
};

#endif

} // namespace equus::sim
