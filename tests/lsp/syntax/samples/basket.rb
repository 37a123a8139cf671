# Prices of what is in a basket.
module Shop
  class Basket
    attr_reader :items

    def initialize(items, rate: 0.1)
      @items = items
      @rate = rate
    end

    def total
      sum = 0.0
      @items.each do |name, price|
        puts "é #{name.upcase}"
        next if price.nil?

        sum += price
      end
      names = @items.map { |name, _| name }
      raise ArgumentError, 'none' unless names.any?

      sum * (1 + @rate)
    end
  end
end
