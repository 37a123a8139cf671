// Prices of what is in a basket.
#include <string>
#include <vector>

namespace basket {

template <typename T>
class Basket : public Base {
public:
    explicit Basket(double rate) : rate_(rate) {}

    auto total(const std::vector<T>& items) const -> double {
        double sum = 0.0;
        for (const auto& item : items) {
            if (item.price > 0 && !item.gone) {
                sum += item.price;
            }
        }
        auto taxed = [&](double x) { return x * (1 + rate_); };
        return taxed(sum);
    }

private:
    double rate_ = 0.2;
    std::string name_{"é"};
};

}  // namespace basket
