// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IDistribution} from "../../../contracts/abi/IDistribution.sol";
import {IRisk} from "../../../contracts/abi/IRisk.sol";

/// The contract `distribution` in Solidity: the same answers, unit for unit, without checks of overflow where
/// nothing can overflow. What it costs is measured beside ours.
contract Distribution is IDistribution {
    uint256 private constant ONE = 1 << 63;
    uint256 private constant BPS = 10_000;
    uint256 private constant WAD = 1e18;
    uint256 private constant MOST_POINTS = 1_024;
    uint256 private constant MOST_LINES = 256;
    uint256 private constant MOST_KEYS = 64;

    struct Key {
        bytes32 riskKey;
        uint256 group;
        uint256 correlation;
        uint256 amount;
        uint256 expected;
        uint256 loss;
        uint256 probability;
    }

    struct Grid {
        uint256[] masses;
        uint256[] shocked;
        uint256 step;
        uint256 largest;
        uint256 last;
        uint256 used;
        uint256 keys;
    }

    struct Shock {
        uint256 probability;
        uint256 correlation;
        uint256 likeliest;
    }

    address public immutable risk;

    constructor(address risk_) {
        risk = risk_;
    }

    function report(
        address vault,
        uint256[] calldata products,
        bytes32[] calldata subjects,
        uint256 points,
        uint16 levelBps,
        uint16 severityBps,
        uint256 assets
    ) external view returns (Report memory r) {
        if (levelBps == 0 || levelBps >= BPS) revert ParameterOutOfBounds("levelBps", levelBps);
        Grid memory grid = fill(vault, products, subjects, points, severityBps);
        unchecked {
            r.largest = grid.largest;
            r.step = grid.step;
            r.keys = grid.keys;
            uint256 sum = sumFrom(grid, 0);
            r.mean = up(sum, ONE);
            uint256 beyond;
            for (uint256 i = grid.used + 1; i-- > 0 && value(grid, i) > assets;) beyond += grid.masses[i];
            r.ruin = up(beyond * WAD, ONE);
            uint256 allowed = (BPS - levelBps) * ONE;
            uint256 point = grid.used;
            beyond = 0;
            while (point > 0) {
                uint256 with = beyond + grid.masses[point] * BPS;
                if (with > allowed) break;
                (point, beyond) = (point - 1, with);
            }
            r.valueAtRisk = value(grid, point);
            r.expectedShortfall = up(sumFrom(grid, point + 1) * BPS + (allowed - beyond) * r.valueAtRisk, allowed);
        }
    }

    function distribution(
        address vault,
        uint256[] calldata products,
        bytes32[] calldata subjects,
        uint256 points,
        uint16 severityBps
    ) external view returns (uint256 step, uint256 largest, uint64[] memory masses) {
        Grid memory grid = fill(vault, products, subjects, points, severityBps);
        masses = new uint64[](points);
        for (uint256 i; i < points; ++i) masses[i] = uint64(grid.masses[i]);
        return (grid.step, grid.largest, masses);
    }

    function fill(
        address vault,
        uint256[] calldata products,
        bytes32[] calldata subjects,
        uint256 points,
        uint256 severity
    ) private view returns (Grid memory grid) {
        if (points < 2 || points > MOST_POINTS) revert ParameterOutOfBounds("points", points);
        if (severity == 0 || severity > BPS) revert ParameterOutOfBounds("severityBps", severity);
        Key[] memory keys = gather(vault, products, subjects);
        sort(keys);
        unchecked {
            for (uint256 i; i < keys.length; ++i) {
                Key memory key = keys[i];
                key.loss = up(key.amount * severity, BPS);
                uint256 rate = up(key.expected, key.amount) * BPS;
                uint256 certain = WAD * severity;
                key.probability = up((rate < certain ? rate : certain) * ONE, certain);
                grid.largest += key.loss;
            }
            grid.masses = new uint256[](points);
            grid.shocked = new uint256[](points);
            grid.masses[0] = ONE;
            grid.step = up(grid.largest, points - 1);
            if (grid.step == 0) grid.step = 1;
            grid.last = up(grid.largest, grid.step);
            grid.keys = keys.length;
            for (uint256 start; start < keys.length;) {
                uint256 end = start + 1;
                while (end < keys.length && keys[end].group == keys[start].group) ++end;
                addGroup(grid, keys, start, end);
                start = end;
            }
        }
    }

    function gather(address vault, uint256[] calldata products, bytes32[] calldata subjects)
        private
        view
        returns (Key[] memory keys)
    {
        uint256 lines = products.length;
        if (lines > MOST_LINES) revert ParameterOutOfBounds("lines", lines);
        if (subjects.length != lines) revert ParameterOutOfBounds("subjects", subjects.length);
        for (uint256 i = 1; i < lines; ++i) {
            bool ascending = products[i] > products[i - 1]
                || (products[i] == products[i - 1] && subjects[i] > subjects[i - 1]);
            if (!ascending) revert LinesNotAscending(i);
        }
        (IRisk.Exposure[] memory exposures, uint256 missing) = IRisk(risk).portfolio(vault, products, subjects);
        if (missing != 0) revert CoverMissing(missing);
        keys = new Key[](MOST_KEYS);
        uint256 count;
        for (uint256 i; i < lines; ++i) {
            IRisk.Exposure memory exposure = exposures[i];
            if (exposure.amount == 0) continue;
            uint256 at;
            while (at < count && keys[at].riskKey != exposure.riskKey) ++at;
            if (at == count) {
                if (count == MOST_KEYS) revert ParameterOutOfBounds("keys", MOST_KEYS + 1);
                ++count;
                keys[at].riskKey = exposure.riskKey;
                keys[at].group = exposure.group;
                keys[at].correlation = exposure.correlationBps;
            }
            keys[at].amount += exposure.amount;
            keys[at].expected += exposure.amount * exposure.rate;
        }
        assembly ("memory-safe") {
            mstore(keys, count)
        }
    }

    /// By group, those of one group in the order of their lines.
    function sort(Key[] memory keys) private pure {
        unchecked {
            for (uint256 i = 1; i < keys.length; ++i) {
                Key memory key = keys[i];
                uint256 at = i;
                for (; at > 0 && keys[at - 1].group > key.group; --at) keys[at] = keys[at - 1];
                keys[at] = key;
            }
        }
    }

    function addGroup(Grid memory grid, Key[] memory keys, uint256 start, uint256 end) private pure {
        Shock memory shock = shockOf(keys, start, end);
        bool shared = shock.probability != 0 && end - start > 1;
        (uint256[] memory masses, uint256[] memory shocked) = (grid.masses, grid.shocked);
        unchecked {
            if (shared) {
                for (uint256 i; i <= grid.used; ++i) {
                    uint256 part = (masses[i] * shock.probability + (ONE - 1)) >> 63;
                    shocked[i] = part;
                    masses[i] -= part;
                }
            }
            for (; start < end; ++start) {
                Key memory key = keys[start];
                uint256 points = up(key.loss, grid.step);
                if (shared) {
                    (uint256 without, uint256 with) = conditional(key.probability, shock);
                    convolve(masses, grid, points, without);
                    convolve(shocked, grid, points, with);
                } else {
                    convolve(masses, grid, points, key.probability);
                }
                grid.used += points;
                if (grid.used > grid.last) grid.used = grid.last;
            }
            if (shared) {
                for (uint256 i; i <= grid.used; ++i) {
                    masses[i] += shocked[i];
                    shocked[i] = 0;
                }
            }
        }
    }

    function shockOf(Key[] memory keys, uint256 start, uint256 end) private pure returns (Shock memory shock) {
        unchecked {
            shock.correlation = keys[start].correlation;
            for (uint256 i = start; i < end; ++i) {
                uint256 p = keys[i].probability;
                if (p < ONE && p > shock.likeliest) shock.likeliest = p;
            }
            uint256 odds = shock.correlation * shock.likeliest;
            shock.probability = up(odds * ONE, BPS * (ONE - shock.likeliest) + odds);
        }
    }

    /// That a key fails without the shock, and with it.
    function conditional(uint256 p, Shock memory shock) private pure returns (uint256 without, uint256 with) {
        unchecked {
            if (p >= ONE) return (p, p);
            uint256 root = sqrt(p * (ONE - p) * shock.likeliest / (ONE - shock.likeliest));
            uint256 common = root * shock.correlation / BPS;
            if (common > p) common = p;
            without = p - common;
            with = without + up(common * ONE, shock.probability);
            if (with > ONE) with = ONE;
        }
    }

    function convolve(uint256[] memory masses, Grid memory grid, uint256 points, uint256 probability) private pure {
        if (points == 0 || probability == 0) return;
        (uint256 used, uint256 last) = (grid.used, grid.last);
        unchecked {
            for (uint256 from = used + 1; from-- > 0;) {
                uint256 mass = masses[from];
                if (mass != 0) {
                    uint256 moved = (mass * probability + (ONE - 1)) >> 63;
                    masses[from] = mass - moved;
                    uint256 to = from + points;
                    masses[to < last ? to : last] += moved;
                }
            }
        }
    }

    function sumFrom(Grid memory grid, uint256 first) private pure returns (uint256 sum) {
        unchecked {
            for (uint256 i = first; i < grid.last; ++i) sum += grid.masses[i] * i;
            sum *= grid.step;
            if (first <= grid.last) sum += grid.masses[grid.last] * grid.largest;
        }
    }

    function value(Grid memory grid, uint256 point) private pure returns (uint256) {
        unchecked {
            return point < grid.last ? grid.step * point : grid.largest;
        }
    }

    function up(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            return a == 0 ? 0 : (a - 1) / b + 1;
        }
    }

    /// Rounded down.
    function sqrt(uint256 a) private pure returns (uint256 root) {
        unchecked {
            if (a == 0) return 0;
            uint256 bits;
            for (uint256 b = a; b > 1; b >>= 1) ++bits;
            root = 1 << (bits / 2 + 1);
            for (uint256 next = (root + a / root) >> 1; next < root; next = (root + a / root) >> 1) root = next;
        }
    }
}
