/* The ADC's supply, 3.3 V, as a board would give it: without it ad799x does not come up and has no
 * scale. Debian's kernel has no regulator driver that could be set up from user space. */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/regulator/driver.h>
#include <linux/regulator/machine.h>

static struct regulator_consumer_supply adc = REGULATOR_SUPPLY("vcc", "0-0021");
static const struct regulator_init_data use = {.num_consumer_supplies = 1,
					       .consumer_supplies = &adc};
static const struct regulator_ops ops;
static const struct regulator_desc desc = {.name = "supply",
					   .type = REGULATOR_VOLTAGE,
					   .owner = THIS_MODULE,
					   .ops = &ops,
					   .n_voltages = 1,
					   .fixed_uV = 3300000};
static struct platform_device *pdev;
static struct regulator_dev *rdev;

static int __init supply_init(void)
{
	struct regulator_config c = {.init_data = &use};

	pdev = platform_device_register_simple("supply", -1, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	c.dev = &pdev->dev;
	rdev = regulator_register(&pdev->dev, &desc, &c);
	if (!IS_ERR(rdev))
		return 0;
	platform_device_unregister(pdev);
	return PTR_ERR(rdev);
}

static void __exit supply_exit(void)
{
	regulator_unregister(rdev);
	platform_device_unregister(pdev);
}

module_init(supply_init);
module_exit(supply_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("3.3 V for the ADC of the kernel test");
