#include "stray_answer.h"

#include "bye.h"
#include "dialog_ack.h"

void leg_acknowledge_stray(struct stack *stack, const struct received *response, bool bye)
{
	struct dialog d = {0};

	if (dialog_of_stray(&d, response) == 0) {
		leg_acknowledge_late(stack, &d, response);
		if (bye)
			leg_bye(stack, &d, &stack->parameters.resend, NULL, NULL);
	}
	dialog_clear(&d);
}
