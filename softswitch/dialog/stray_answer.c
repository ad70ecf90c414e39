#include "stray_answer.h"

#include "bye.h"
#include "dialog_ack.h"

void stray_answer_acknowledge(struct stack *stack, const struct received *response, bool bye)
{
	struct dialog d = {0};

	if (dialog_from_stray_answer(&d, stack->dialogs, response) == 0) {
		dialog_ack_late(stack, &d, response);
		if (bye)
			bye_send(stack, &d, &(struct bye){.resend = &stack->parameters.resend});
	}
	dialog_clear(&d);
}
